// The prediction lock and what comes of it: predicted against actual.
import {component, h, icon} from "./dom.js";
import {ballot} from "./questions.js";

export const PredictionLock = component(["question"], ({model}) => {
  const element = h("section", {class: "panel question", "aria-label": "Prediction"})
  const show = () => {
    const locked = model.locked
    const heading = h("p", {class: "eyebrow"}, locked ? "Your prediction, locked" : "Commit to a prediction")
    const note = h("p", {class: "hint"}, locked
      ? "A locked prediction stays. “Start over” clears the lab; the ledger keeps your first attempt."
      : "No instrument is shown before you commit. Once locked, a prediction cannot be changed.")
    const {form, button} = ballot(model, "Lock prediction", {
      disabled: locked, chosen: locked ? model.chosen : null,
      commit: (value) => model.send_msg({type: "lock", value}),
    })
    element.replaceChildren(heading, form, h("div", {class: "actions"}, locked ? null : button, note))
  }
  show()
  return {element, update: {locked: show, chosen: show, question: show, options: show, range: show}}
})

export const PredictionOverlay = component(["question"], ({model}) => {
  const element = h("section", {class: "overlay panel appear", role: "status", "aria-label": "Predicted and actual"})
  const show = () => {
    const kind = model.correct ? "success" : "warn"
    element.className = `overlay panel appear ${kind}`
    element.replaceChildren(
      h("p", {class: "overlay-title"}, icon(kind), h("span", {}, model.correct ? "Your prediction holds" : "The gap")),
      h("dl", {class: "gap"},
        h("div", {}, h("dt", {}, "You predicted"), h("dd", {}, model.predicted)),
        h("div", {}, h("dt", {}, "The model gives"), h("dd", {}, model.actual)),
        h("div", {}, h("dt", {}, "Off by"), h("dd", {}, model.gap))),
      h("div", {trusted: model.html}))
  }
  show()
  return {element, update: {html: show, predicted: show, actual: show, gap: show, correct: show}}
})
