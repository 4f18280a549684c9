// A question with radio options, shared by the prediction lock and the reflection.
import {h, uniqueId} from "./dom.js";

// options: [{id, text}]; returns the fieldset and a function that reads the chosen id (or null).
export function choices(question, options, {disabled = false, chosen = null, onchange = () => {}} = {}) {
  const name = uniqueId("choice")
  const inputs = options.map((option) => h("input", {
    type: "radio", name, value: option.id, checked: option.id === chosen, disabled, onchange,
  }))
  const element = h("fieldset", {class: "choices"},
    h("legend", {trusted: question}),
    options.map((option, i) => h("label", {class: "choice"}, inputs[i], h("span", {trusted: option.text}))))
  return {element, read: () => inputs.find((input) => input.checked)?.value ?? null}
}
