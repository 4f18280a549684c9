// A reflection question: four options, feedback to each of them.
import {component, h, icon} from "./dom.js";
import {choices} from "./questions.js";

export const Reflection = component(["question"], ({model}) => {
  const element = h("section", {class: "panel question", "aria-label": "Reflection"})
  const feedback = h("div", {role: "status"})
  const showFeedback = () => {
    if (!model.chosen) return feedback.replaceChildren()
    const kind = model.correct ? "success" : "warn"
    feedback.replaceChildren(h("div", {class: `feedback ${kind} appear`},
      h("p", {class: "overlay-title"}, icon(kind), h("span", {}, model.correct ? "Right" : "Not this one")),
      h("div", {trusted: model.feedback})))
  }
  const show = () => {
    const answer = h("button", {type: "button", class: "primary", disabled: true}, "Check answer")
    const question = choices(model.question, model.options, {
      chosen: model.chosen, onchange: () => { answer.disabled = false },
    })
    answer.addEventListener("click", () => model.send_msg({type: "answer", value: question.read()}))
    element.replaceChildren(h("p", {class: "eyebrow"}, "Reflection"), question.element,
      h("div", {class: "actions"}, answer), feedback)
    showFeedback()
  }
  show()
  return {element, update: {question: show, options: show, chosen: showFeedback, feedback: showFeedback}}
})
