// Questions with an answer to commit to: by radio options, or by a number. Shared by the prediction lock, the
// reflection, and the second vote of a class.
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

const grouped = (number) => number.toLocaleString("en", {maximumFractionDigits: 10})

// A number in a stated range; Enter does what the button does.
function entry(question, {low, high, step, unit}, {disabled, chosen, onchange, onenter}) {
  const id = uniqueId("number")
  const range = `from ${grouped(low)} to ${grouped(high)} ${unit}`
  const problem = h("p", {class: "problem", role: "alert"})
  const input = h("input", {
    id, type: "number", inputmode: "decimal", min: low, max: high, step, disabled, value: chosen ?? "",
    "aria-describedby": `${id}-range`,
  })
  const read = () => input.valueAsNumber >= low && input.valueAsNumber <= high ? input.valueAsNumber : null
  input.addEventListener("input", () => {
    problem.textContent = input.value !== "" && read() === null ? `Enter a number ${range}.` : ""
    onchange()
  })
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") onenter() })
  const element = h("div", {class: "number"},
    h("label", {for: id, trusted: question}),
    h("div", {class: "entry"}, input, h("span", {class: "unit"}, unit),
      h("span", {id: `${id}-range`, class: "hint"}, range)), problem)
  return {element, read}
}

// The form of a prediction of either kind, and the button that commits to it: {form, button}. `commit` gets the answer.
export function ballot(model, label, {disabled = false, chosen = null, commit}) {
  const button = h("button", {type: "button", class: "primary", disabled: true}, label)
  const onchange = () => { button.disabled = asked.read() === null }
  const send = () => { if (!button.disabled) commit(asked.read()) }
  const asked = model.options.length > 0
    ? choices(model.question, model.options, {disabled, chosen, onchange})
    : entry(model.question, model.range, {disabled, chosen, onchange, onenter: send})
  button.addEventListener("click", send)
  return {form: asked.element, button}
}
