// Charts of a class as plain elements: bars of options, columns of a number, dots of results. Each says in words what
// it shows, and takes its sizes from the data alone.
import {h} from "../dom.js";

const percent = (share) => `${Math.round(100 * share)} %`

function sized(element, property, share) {
  element.style[property] = `${(100 * share).toFixed(2)}%`
  return element
}

export const students = (count) => `${count} ${count === 1 ? "student" : "students"}`

// Bars under one another, each with its text and count: they need no other words.
export function optionBars(bars, total) {
  return h("ol", {class: "bars"}, bars.map((option) => h("li", {class: option.right ? "right" : ""},
    h("div", {class: "bar-text"}, h("span", {trusted: option.text}), option.right ? h("strong", {class: "verdict"}, "✓ right") : null),
    h("div", {class: "track"}, sized(h("div", {class: "fill"}), "width", total ? option.count / total : 0)),
    h("span", {class: "bar-count num"}, total ? `${option.count} · ${percent(option.count / total)}` : "0"))))
}

// Columns over the range of a number, with the actual value as a line once it is known.
export function columns({bars, unit, at, truth, total}) {
  const most = Math.max(1, ...bars.map((bar) => bar.count))
  const filled = bars.filter((bar) => bar.count > 0)
  const words = filled.map((bar) => `${bar.text} ${unit}: ${bar.count}`).join("; ")
  const first = bars[0].text.split(" to ")[0], last = bars.at(-1).text.split(" to ").at(-1)
  return h("div", {class: "columns-chart", role: "img", "aria-label": `${students(total)}. ${words || "No answers yet"}. ${truth}`},
    h("div", {class: "columns-plot"}, bars.map((bar) => h("div", {class: `column ${bar.right ? "right" : ""}`},
      bar.count ? h("span", {class: "num"}, String(bar.count)) : null, sized(h("div", {class: "fill"}), "height", bar.count / most * .85))),
    at === null ? null : sized(h("div", {class: "actual"}, h("span", {class: at > .5 ? "left" : ""}, "actual")), "left", at)),
    h("div", {class: "axis num"}, h("span", {}, first), h("span", {}, `${last} ${unit}`)))
}

// One dot per design, the middle half of the class as a band, the median as a line.
export function dots(plot) {
  const tallest = Math.max(...plot.stacks.map(({met, open}) => met + open))
  const stacks = plot.stacks.map(({at, met, open}) => {
    const stack = sized(h("div", {class: "stack"}), "left", at)
    for (let k = 0; k < met + open; k++) {
      const dot = h("div", {class: k < met ? "dot met" : "dot"})
      dot.style.height = `${Math.min(.56, 5.5 / tallest)}rem`
      stack.append(dot)
    }
    return stack
  })
  const [lower, median, upper] = plot.middle
  const band = plot.half ? sized(sized(h("div", {class: "band"}), "left", lower), "width", upper - lower) : ""
  // Where all designs are alike, the stack itself is the median.
  const line = plot.ends.length > 1 ? sized(h("div", {class: "median"}), "left", median) : ""
  return h("div", {class: "dots", role: "img", "aria-label": plot.text},
    h("div", {class: "dots-plot"}, band, line, stacks),
    h("div", {class: "axis num"}, plot.ends.map((end) => h("span", {}, end))),
    plot.scale ? h("p", {class: "hint"}, plot.scale) : null)
}

// A share with its interval on a line from 0 to 100 %.
export function interval({share, low, high}) {
  return h("div", {class: "interval", "aria-hidden": "true"},
    sized(sized(h("div", {class: "reach"}), "left", low), "width", high - low), sized(h("div", {class: "point"}), "left", share))
}
