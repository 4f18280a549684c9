// What Panel does for a component on the live page, done here without a server.
import {h} from "../dom.js";

const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b)

// mount("Callout", {title, html}, {onmessage, children}): the component's element, and the ways to change it.
// `COMPONENTS` holds the components of the live page by name.
export function mount(type, properties = {}, {onmessage = () => {}, children = {}} = {}) {
  const listeners = new Map()
  const fire = (name, data) => { for (const run of listeners.get(name) ?? []) run(data) }
  const model = {
    ...properties,
    on(name, run) { listeners.set(name, [...(listeners.get(name) ?? []), run]) },
    send_msg: (message) => onmessage(message),
    get_child: (name) => children[name],
  }
  const host = h("div", {class: "component"})
  const el = h("div")
  host.attachShadow({mode: "open"}).append(el)
  const view = {model: {document: null}}
  el.append(COMPONENTS[type].render({model, view, el}))
  return {
    element: host,
    model,
    // All properties first, then whoever listens: as one change from Python arrives.
    set(changes) {
      const changed = Object.keys(changes).filter((name) => !same(model[name], changes[name]))
      Object.assign(model, changes)
      for (const name of changed) fire(name)
    },
    // One property, without looking whether it differs.
    put(name, value) {
      model[name] = value
      fire(name)
    },
    place(name, items) {
      children[name] = items
      fire(name)
    },
    tell: (message) => fire("msg:custom", message),
    remove: () => fire("remove"),
  }
}

// A component with its children as Python described it: {type, properties, children: {name: tree | [tree]}}.
export function mountTree(tree, onmessage) {
  const children = {}
  for (const [name, child] of Object.entries(tree.children)) {
    children[name] = Array.isArray(child)
      ? child.map((item) => mountTree(item, onmessage).element)
      : mountTree(child, onmessage).element
  }
  return mount(tree.type, tree.properties, {children, onmessage})
}
