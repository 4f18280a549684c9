// A plot with its title and a caption that says in words what it shows; and the grid that holds an act's parts.
import {component, h, uniqueId} from "./dom.js";
import {paint} from "./theme.js";

export const Figure = component(["figure"], ({model}) => {
  const id = uniqueId("figure")
  const title = h("h3", {id})
  const caption = h("figcaption")
  const plot = h("div", {class: "plot"}, model.get_child("plot"))
  const repaint = () => paint(model.plot)
  const show = () => {
    title.textContent = model.title
    caption.textContent = model.caption
  }
  show()
  repaint()
  document.addEventListener("mlsys-theme", repaint)
  model.on("remove", () => document.removeEventListener("mlsys-theme", repaint))
  return {
    element: h("figure", {class: "panel figure", "aria-labelledby": id}, title, plot, caption),
    update: {title: show, caption: show},
  }
})

export const Workbench = component(["figure"], ({model}) => {
  const slot = (name) => h("div", {class: name}, model.get_child(name))
  return {element: h("div", {class: "workbench"}, slot("side"), slot("main"))}
})

export const Stack = component(["figure"], ({model}) => {
  const element = h("div", {class: "stack"})
  const show = () => element.replaceChildren(...model.get_child("items"))
  show()
  return {element, update: {items: show}}
})
