// A single button for the way on.
import {component, h} from "./dom.js";

export const Action = component(["question"], ({model}) => {
  const button = h("button", {type: "button", class: "primary", onclick: () => model.send_msg({type: "action"})})
  const hint = h("span", {class: "hint"})
  const show = () => {
    button.textContent = model.label
    hint.textContent = model.hint
  }
  show()
  return {element: h("div", {class: "actions"}, button, hint), update: {label: show, hint: show}}
})
