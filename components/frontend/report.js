// The report that closes a course: shown as it will be printed, printed alone, or saved as a file of its own.
import {component, h} from "./dom.js";
import {download} from "./ledger.js";

// The article of a report and its style sheet, as nodes of this page.
function partsOf(text) {
  const parsed = new DOMParser().parseFromString(text, "text/html")
  return [parsed.querySelector("style"), parsed.querySelector("article")].map((part) => document.importNode(part, true))
}

const ALONE = "@media screen { .printed-report { display: none; } } @media print { body > :not(.printed-report) { display: none !important; } }"

// Prints the report and nothing else of the page. It lies in the page only as long as that takes.
function printAlone(text) {
  document.querySelector(".printed-report")?.remove()
  const sheet = h("div", {class: "printed-report"}, h("style", {}, ALONE), ...partsOf(text))
  document.body.append(sheet)
  window.addEventListener("afterprint", () => sheet.remove(), {once: true})
  window.print()
}

export const ReportPanel = component(["ledger", "report"], ({model}) => {
  const sheet = h("div", {class: "paper-sheet"})
  const hint = h("span", {class: "hint"})
  const show = () => {
    sheet.replaceChildren(...(model.page ? partsOf(model.page) : []))
    hint.textContent = model.hint
  }
  show()
  return {
    element: h("section", {class: "panel", "aria-label": "Report"},
      h("h2", {}, "Your report on one page"),
      h("p", {}, "Your predictions, how well they were calibrated, and your design before its audits. Print it, or save it as a page that opens anywhere without a network."),
      h("div", {class: "actions"},
        h("button", {type: "button", class: "primary", onclick: () => download(model.file_name, model.page, "text/html")}, "Save report"),
        h("button", {type: "button", onclick: () => printAlone(model.page)}, "Print"), hint),
      h("div", {class: "paper no-print", tabindex: "0", role: "region", "aria-label": "Preview of the report"}, sheet)),
    update: {page: show, hint: show},
  }
})
