// The prediction lock and what comes of it: predicted against actual.
import {component, h, icon, uniqueId} from "./dom.js";
import {choices} from "./questions.js";

export const PredictionLock = component(["question"], ({model}) => {
  const element = h("section", {class: "panel question", "aria-label": "Prediction"})
  const show = () => {
    const locked = model.locked
    const heading = h("p", {class: "eyebrow"}, locked ? "Your prediction, locked" : "Commit to a prediction")
    const lock = h("button", {type: "button", class: "primary", disabled: true}, "Lock prediction")
    const note = h("p", {class: "hint"}, locked
      ? "A locked prediction stays. “Start over” clears the lab; the ledger keeps your first attempt."
      : "No instrument is shown before you commit. Once locked, a prediction cannot be changed.")
    const problem = h("p", {class: "problem", role: "alert"})
    let form
    if (model.options.length > 0) {
      const question = choices(model.question, model.options, {
        disabled: locked, chosen: model.chosen, onchange: () => { lock.disabled = false },
      })
      lock.addEventListener("click", () => model.send_msg({type: "lock", value: question.read()}))
      form = question.element
    } else {
      const id = uniqueId("number")
      const {low, high, step, unit} = model.range
      const input = h("input", {
        id, type: "number", inputmode: "decimal", min: low, max: high, step, disabled: locked,
        value: locked ? model.chosen : "", "aria-describedby": `${id}-range`,
      })
      const check = () => {
        const value = input.valueAsNumber
        lock.disabled = !(value >= low && value <= high)
        problem.textContent = input.value !== "" && lock.disabled ? `Enter a number from ${low} to ${high} ${unit}.` : ""
      }
      input.addEventListener("input", check)
      const send = () => { if (!lock.disabled) model.send_msg({type: "lock", value: input.valueAsNumber}) }
      input.addEventListener("keydown", (event) => { if (event.key === "Enter") send() })
      lock.addEventListener("click", send)
      form = h("div", {class: "number"},
        h("label", {for: id, trusted: model.question}),
        h("div", {class: "entry"}, input, h("span", {class: "unit"}, unit),
          h("span", {id: `${id}-range`, class: "hint"}, `from ${low} to ${high} ${unit}`)))
    }
    element.replaceChildren(heading, form, problem, h("div", {class: "actions"}, locked ? null : lock, note))
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
