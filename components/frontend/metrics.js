// Readouts: a row of computed quantities, and a table that sets two designs side by side.
import {component, h} from "./dom.js";

const SIGN = {met: "✓ ", violated: "✕ ", caution: "! ", neutral: ""}
const SPOKEN = {met: "limit held", violated: "limit broken", caution: "caution", neutral: ""}

export const MetricRow = component(["metrics"], ({model}) => {
  const element = h("dl", {class: "metrics"})
  let cells = []
  // Values change on every step of a slider: the elements stay, only their text is replaced.
  const build = () => {
    cells = model.metrics.map(() => ({
      label: h("dt"), sign: h("span", {class: "sign", "aria-hidden": "true"}), spoken: h("span", {class: "visually-hidden"}),
      value: h("span", {class: "value"}), unit: h("span", {class: "unit"}), note: h("div", {class: "note"}), box: h("div"),
    }))
    element.replaceChildren(...cells.map((cell) => {
      cell.box.append(cell.label, h("dd", {}, cell.sign, cell.value, " ", cell.unit, cell.spoken, cell.note))
      return cell.box
    }))
  }
  const show = () => {
    if (cells.length !== model.metrics.length) build()
    model.metrics.forEach((metric, i) => {
      const cell = cells[i]
      cell.box.className = metric.status
      cell.label.textContent = metric.label
      cell.sign.textContent = SIGN[metric.status]
      cell.spoken.textContent = SPOKEN[metric.status]
      cell.value.textContent = metric.value
      cell.unit.textContent = metric.unit
      cell.note.textContent = metric.note
    })
  }
  show()
  return {element, update: {metrics: show}}
})

export const ComparisonRow = component(["metrics"], ({model}) => {
  const element = h("div", {class: "scroll-x panel", tabindex: "0", role: "region"})
  const show = () => {
    element.setAttribute("aria-label", model.title)
    element.replaceChildren(h("table", {},
      h("caption", {}, model.title),
      h("thead", {}, h("tr", {}, model.columns.map((column, i) =>
        h("th", {scope: "col", class: i > 0 ? "num" : null}, column)))),
      h("tbody", {}, model.rows.map((row) => h("tr", {class: row.emphasis ? "emphasis" : null},
        row.cells.map((cell, i) => h(i === 0 ? "th" : "td", {scope: i === 0 ? "row" : null, class: i > 0 ? "num" : null}, cell)))))))
  }
  show()
  return {element, update: {rows: show, columns: show, title: show}}
})
