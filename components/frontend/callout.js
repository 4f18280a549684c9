// Text that the suite's authors wrote: stakeholder messages and the four kinds of callout.
import {component, h, icon} from "./dom.js";

export const Callout = component(["callout"], ({model}) => {
  const title = h("p", {class: "callout-title"})
  const body = h("div", {class: "callout-body"})
  const element = h("section")
  const show = () => {
    element.className = `callout ${model.kind}`
    title.replaceChildren(icon(model.kind), h("span", {}, model.title))
    title.hidden = !model.title
    body.innerHTML = model.html
  }
  element.append(title, body)
  show()
  return {element, update: {html: show, title: show, kind: show}}
})

export const StakeholderMessage = component(["callout"], ({model}) => {
  const role = h("figcaption", {class: "role"})
  const body = h("blockquote")
  const avatar = h("span", {class: "avatar", "aria-hidden": "true"})
  const show = () => {
    role.textContent = model.role
    avatar.textContent = model.role.slice(0, 1)
    body.innerHTML = model.html
  }
  show()
  return {element: h("figure", {class: "message"}, avatar, h("div", {}, role, body)), update: {html: show, role: show}}
})
