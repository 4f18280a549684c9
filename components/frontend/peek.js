// The math behind the act, rendered from the registered formulas.
import {component, h} from "./dom.js";

export const MathPeek = component(["peek"], ({model}) => {
  const formula = (item) => h("section", {class: "formula"},
    h("h4", {}, item.title),
    h("div", {class: "equation scroll-x", tabindex: "0", role: "region", "aria-label": `Equation: ${item.title}`, trusted: item.mathml}),
    h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": `Symbols: ${item.title}`}, h("table", {},
      h("thead", {}, h("tr", {}, ["symbol", "unit", "meaning"].map((name) => h("th", {scope: "col"}, name)))),
      h("tbody", {}, item.variables.map((variable) => h("tr", {},
        h("td", {trusted: variable.symbol}), h("td", {}, variable.unit), h("td", {}, variable.meaning)))))),
    h("p", {}, h("strong", {}, "Valid: "), item.validity),
    h("p", {class: "source"}, item.source))
  const element = h("details", {class: "panel peek"})
  const show = () => element.replaceChildren(
    h("summary", {}, "Math peek: the equations that just ran"), h("div", {trusted: model.html}), ...model.formulas.map(formula))
  show()
  return {element, update: {formulas: show, html: show}}
})
