// Building blocks of the front end: elements, shared style sheets, and the wrapper every component uses.

// Whether this page is one of the suite's, and not a portal's that shows a lab in its midst.
export const OWN_PAGE = document.querySelector("meta[name=application-name][content='MLSys Labs']") !== null

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
      // Panel names the mount point after the class; our own names must not meet it.
      context.el.className = "mount"
      // Layout is CSS's business here. Bokeh's own pass walks the whole tree and would measure plots that are
      // still on their way in; each plot is measured by its figure, when its own box changes.
      for (const pass of ["measure_layout", "compute_layout", "invalidate_layout"]) context.view[pass] = () => {}
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

export function lockIcon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 12 14")
  svg.setAttribute("class", "lock-icon")
  svg.setAttribute("aria-hidden", "true")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", "M3 6V4a3 3 0 0 1 6 0v2h.6c.5 0 .9.4.9.9v5.2c0 .5-.4.9-.9.9H2.4a.9.9 0 0 1-.9-.9V6.900c0-.5.4-.9.9-.9H3Zm1.400 0h3.200V4a1.600 1.600 0 0 0-3.200 0v2Z")
  path.setAttribute("fill", "currentColor")
  svg.append(path)
  return svg
}

export const ICONS = {info: "i", success: "✓", warn: "!", danger: "✕"}

export function icon(kind) {
  return h("span", {class: `icon ${kind}`, "aria-hidden": "true"}, ICONS[kind])
}

// A labelled button that reports a click to Python.
export function button(model, label, message, attributes = {}) {
  return h("button", {type: "button", ...attributes, onclick: () => model.send_msg(message)}, label)
}
