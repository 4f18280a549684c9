// A plot with its title and a caption that says in words what it shows; and the grid that holds an act's parts.
import {component, h, uniqueId} from "./dom.js";
import {paint} from "./theme.js";

export const Figure = component(["figure"], ({model, view}) => {
  const id = uniqueId("figure")
  const title = h("h3", {id})
  const caption = h("figcaption")
  const plot = h("div", {class: "plot"}, model.get_child("plot"))
  const repaint = () => paint(model.plot)
  const key = h("ul", {class: "key"})
  const show = () => {
    title.textContent = model.title
    caption.textContent = model.caption
    key.replaceChildren(...model.key.map(([label, token]) =>
      h("li", {}, h("span", {class: "swatch", style: `background: var(--${token})`}), label)))
  }
  show()
  repaint()
  // Without a name the save tool asks for one.
  for (const tool of model.plot.toolbar.tools) {
    if (tool.type === "SaveTool") tool.setv({filename: model.title.replace(/[^\p{L}\p{N}]+/gu, "-")}, {sync: false})
  }
  document.addEventListener("mlsys-theme", repaint)
  // A plot asks its parent for a layout pass, and this is the parent: it measures this one plot and no other.
  view.compute_layout = () => {
    const drawn = view.get_child_view(model.plot)
    // Before its first drawing a plot has no layout to fit; it takes its size from the box then.
    if (drawn?.layout === undefined || plot.clientWidth === 0) return
    drawn.measure_layout()
    drawn.update_bbox()
    drawn._compute_layout()
    drawn.after_layout()
  }
  // The tools of a plot come with the pointer; the keyboard's focus brings them, too.
  const tools = (signal) => (event) => {
    if (!plot.contains(event.relatedTarget)) view.get_child_view(model.plot)?.[signal]?.emit()
  }
  plot.addEventListener("focusin", tools("mouseenter"))
  plot.addEventListener("focusout", tools("mouseleave"))
  const fit = new ResizeObserver(() => view.compute_layout())
  fit.observe(plot)
  model.on("remove", () => {
    document.removeEventListener("mlsys-theme", repaint)
    fit.disconnect()
  })
  return {
    element: h("figure", {class: "panel figure", "aria-labelledby": id}, title, key, plot, caption),
    update: {title: show, caption: show, key: show},
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
