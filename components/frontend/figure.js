// A plot with its title and a caption that says in words what it shows; and the grid that holds an act's parts.
import {component, h, uniqueId} from "./dom.js";
import {DrawnPlot} from "./plot.js";

export const Figure = component(["figure"], ({model}) => {
  const id = uniqueId("figure")
  const title = h("h3", {id})
  const caption = h("figcaption")
  const box = h("div", {class: "plot"})
  const key = h("ul", {class: "key"})
  let plot
  const show = () => {
    title.textContent = model.title
    caption.textContent = model.caption
    key.replaceChildren(...model.key.map(([label, token]) =>
      h("li", {}, h("span", {class: "swatch", style: `background: var(--${token})`}), label)))
  }
  const feed = () => plot.feed(model.changes)
  const draw = () => {
    plot?.remove()
    plot = new DrawnPlot(box, model.drawing)
    plot.entitle(model.title)
    feed()
    plot.place()
  }
  show()
  draw()
  const repaint = () => plot.repaint()
  document.addEventListener("mlsys-theme", repaint)
  const tools = (shown) => ({relatedTarget}) => { if (!box.contains(relatedTarget)) plot.showTools(shown) }
  box.addEventListener("focusin", tools(true))
  box.addEventListener("focusout", tools(false))
  const fit = new ResizeObserver(() => plot.fit())
  fit.observe(box)
  model.on("remove", () => {
    document.removeEventListener("mlsys-theme", repaint)
    fit.disconnect()
    plot.remove()
  })
  return {
    element: h("figure", {class: "panel figure", "aria-labelledby": id}, title, key, box, caption),
    update: {title: show, caption: show, key: show, drawing: draw, changes: feed},
  }
})

export const Workbench = component(["figure"], ({model}) => {
  const slot = (name) => h("div", {class: name}, model.get_child(name))
  return {element: h("div", {class: "workbench"}, slot("side"), slot("main"))}
})

export const Columns = component(["figure"], ({model}) =>
  ({element: h("div", {class: "columns"}, model.get_child("items"))}))

export const Stack = component(["figure"], ({model}) => {
  const element = h("div", {class: "stack"})
  // What stays is not touched: taking an element out and putting it back would drop the keyboard's focus.
  const show = () => {
    const items = model.get_child("items")
    for (const child of [...element.children]) if (!items.includes(child)) child.remove()
    items.forEach((item, i) => { if (element.children[i] !== item) element.insertBefore(item, element.children[i] ?? null) })
  }
  show()
  return {element, update: {items: show}}
})
