// Building blocks of the front end: elements, shared style sheets, and the wrapper every component uses.

// h("p", {class: "note", onclick: f}, "text", child): an element. Strings become text nodes, never markup.
// Only `trusted` sets markup: it is for text that the suite's own authors wrote and Python rendered.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue
    if (name === "trusted") element.innerHTML = value
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value)
    else if (name === "value" || name === "checked") element[name] = value
    else element.setAttribute(name, value === true ? "" : value)
  }
  element.append(...children.flat().filter((child) => child != null && child !== false))
  return element
}

const sheetCache = new Map()

export function adopt(root, names) {
  for (const name of names) {
    if (!sheetCache.has(name)) {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(SHEETS[name])
      sheetCache.set(name, sheet)
    }
    const sheet = sheetCache.get(name)
    if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
  }
}

// A component: its style sheets, and a function that builds its element once and returns the updates to run
// when a property changes: {element, update: {property: function}}.
export function component(sheets, build) {
  return {
    render(context) {
      adopt(context.el.getRootNode(), ["base", ...sheets])
      const {element, update = {}} = build(context)
      for (const [property, run] of Object.entries(update)) context.model.on(property, () => run())
      return element
    },
  }
}

let serial = 0
// Ids only need to be unique inside one shadow root; a counter gives more than that.
export const uniqueId = (stem) => `${stem}-${++serial}`

export const ICONS = {info: "i", success: "✓", warn: "!", danger: "✕"}

export function icon(kind) {
  return h("span", {class: `icon ${kind}`, "aria-hidden": "true"}, ICONS[kind])
}

// A labelled button that reports a click to Python.
export function button(model, label, message, attributes = {}) {
  return h("button", {type: "button", ...attributes, onclick: () => model.send_msg(message)}, label)
}
