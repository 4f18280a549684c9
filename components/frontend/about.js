// What the lab's model assumes, what its constants are and where they come from.
import {component, h} from "./dom.js";

const table = (columns, rows) => h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": columns.join(", ")},
  h("table", {},
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", {scope: "col"}, column)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))))

export const AboutModel = component(["peek"], ({model}) => {
  const element = h("details", {class: "panel about"})
  const show = () => element.replaceChildren(
    h("summary", {}, "About this model: assumptions, constants, sources"),
    h("section", {}, h("h3", {}, "Assumptions and limits"), h("div", {trusted: model.html})),
    h("section", {}, h("h3", {}, "Constants"), table(["name", "value", "meaning", "source"], model.constants)),
    h("section", {}, h("h3", {}, "Ranges of the controls"), table(["control", "range", "why this range"], model.ranges)),
    h("section", {}, h("h3", {}, "Formulas"), table(["name", "validity", "source"], model.formulas)),
    ...(model.source_url ? [h("p", {}, h("a", {href: model.source_url}, "Source of this lab"))] : []))
  show()
  return {element, update: {html: show, constants: show, ranges: show, formulas: show, source_url: show}}
})
