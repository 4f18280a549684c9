// The controls of an act: native sliders, radio groups and selects.
// Every slider moves over a list of stops whose labels are known here, so its label never waits for the server.
import {component, h, uniqueId} from "./dom.js";

// Sends at most one change at a time: while Python computes, only the newest value waits.
// A slider held down then follows as fast as the server answers, and never queues behind itself.
function sender(model) {
  let sequence = model.acknowledged
  let waiting = null
  let inFlight = false
  const sentAs = {}
  const send = (message) => {
    inFlight = true
    sentAs[message.name] = ++sequence
    model.send_msg({...message, sequence})
  }
  return {
    push(message) {
      if (!inFlight) return send(message)
      if (waiting && waiting.name !== message.name) send(waiting)
      waiting = message
    },
    // A control whose newest value waits or is on its way must not spring back to the one before.
    holds: (name) => waiting?.name === name || sentAs[name] > model.acknowledged,
    acknowledged() {
      if (model.acknowledged < sequence) return
      inFlight = false
      if (waiting) {
        const next = waiting
        waiting = null
        send(next)
      }
    },
  }
}

function slider(spec, id, push) {
  const input = h("input", {id, type: "range", min: 0, max: spec.stops.length - 1, step: 1, "aria-describedby": `${id}-note`})
  const output = h("output", {for: id, class: "value"})
  const entry = spec.entry && h("input", {
    type: "number", class: "value entry", step: "any", min: spec.entry.low, max: spec.entry.high, "aria-label": `${spec.label}, ${spec.entry.unit}`,
  })
  const label = (index) => {
    output.textContent = spec.stops[index]
    input.setAttribute("aria-valuetext", spec.stops[index])
  }
  input.addEventListener("input", () => {
    label(input.valueAsNumber)
    push({type: "set", name: spec.name, index: input.valueAsNumber})
  })
  entry?.addEventListener("change", () => {
    if (entry.checkValidity() && entry.value !== "") push({type: "set", name: spec.name, number: entry.valueAsNumber})
    else entry.reportValidity()
  })
  return {
    element: h("div", {class: "control"},
      h("div", {class: "head"}, h("label", {for: id}, spec.label), entry
        ? h("span", {class: "typed"}, entry, h("span", {class: "unit"}, spec.entry.unit)) : output),
      input,
      h("div", {class: "ends", "aria-hidden": "true"}, h("span", {}, spec.stops[0]), h("span", {}, spec.stops.at(-1)))),
    inputs: [input, entry].filter(Boolean),
    stands: (stop) => input.getAttribute("aria-valuetext") === stop,
    // Moves the slider to a stop, as a hand would.
    go(stop) {
      const index = spec.stops.indexOf(stop)
      if (index < 0 || input.disabled || this.stands(stop)) return
      input.value = index
      input.dispatchEvent(new Event("input"))
    },
    show(value) {
      // A slider in the reader's hand is not pulled back to where the server still believes it to be.
      if (input.getRootNode().activeElement !== input || value.external) input.value = value.index
      label(input.valueAsNumber)
      output.textContent = value.text
      if (entry && entry.getRootNode().activeElement !== entry) entry.value = value.number
    },
  }
}

function radios(spec, id, push) {
  const inputs = spec.options.map((option) => h("input", {
    type: "radio", name: id, value: option.id, onchange: () => push({type: "set", name: spec.name, option: option.id}),
  }))
  return {
    element: h("fieldset", {class: "control", "aria-describedby": `${id}-note`}, h("legend", {}, spec.label),
      h("div", {class: "segments"}, spec.options.map((option, i) => h("label", {class: "segment"}, inputs[i], h("span", {}, option.label))))),
    inputs,
    show(value) { for (const input of inputs) input.checked = input.value === value.option },
  }
}

function select(spec, id, push) {
  const input = h("select", {
    id, "aria-describedby": `${id}-note`, onchange: () => push({type: "set", name: spec.name, option: input.value}),
  }, spec.options.map((option) => h("option", {value: option.id}, option.label)))
  return {
    element: h("div", {class: "control"}, h("div", {class: "head"}, h("label", {for: id}, spec.label)), input),
    inputs: [input],
    show(value) { input.value = value.option },
  }
}

// Buttons that put several sliders to a setting at once.
function shortcuts({label, settings}, parts) {
  const buttons = settings.map((setting) => h("button", {
    type: "button", class: "segment",
    onclick: () => { for (const [name, stop] of Object.entries(setting.stops)) parts()[name].go(stop) },
  }, setting.label))
  return {
    element: h("fieldset", {class: "control"}, h("legend", {}, label), h("div", {class: "segments"}, buttons)),
    show() {
      settings.forEach(({stops}, i) => {
        const stands = Object.entries(stops).every(([name, stop]) => parts()[name].stands(stop))
        buttons[i].setAttribute("aria-pressed", stands)
      })
    },
  }
}

const KINDS = {slider, radios, select}

export const ControlPanel = component(["segments", "controls"], ({model}) => {
  const element = h("form", {class: "controls panel", "aria-label": "Controls", onsubmit: (event) => event.preventDefault()})
  const queue = sender(model)
  let parts = {}
  let groups = []
  const build = () => {
    parts = {}
    groups = []
    const reset = h("button", {type: "button", class: "quiet small", onclick: () => queue.push({type: "reset"})}, "Reset controls")
    element.replaceChildren(
      h("div", {class: "controls-head"}, h("h3", {}, "Controls"), reset),
      ...model.controls.map((spec) => {
        const id = uniqueId("control")
        const part = KINDS[spec.kind](spec, id, queue.push)
        const note = h("p", {class: "note", id: `${id}-note`})
        part.element.append(note)
        if (spec.remark) part.element.append(h("p", {class: "remark"}, spec.remark))
        parts[spec.name] = {...part, note}
        if (!spec.shortcuts) return part.element
        const group = shortcuts(spec.shortcuts, () => parts)
        groups.push(group)
        return [group.element, part.element]
      }).flat())
    showValues()
    showLimits()
  }
  const showValues = () => {
    for (const [name, value] of Object.entries(model.values)) if (!queue.holds(name)) parts[name]?.show(value)
    for (const group of groups) group.show()
  }
  // limits: {name: {reason} | {options: {id: reason}}}: a whole control, or single options, out of reach for now.
  const showLimits = () => {
    for (const [name, part] of Object.entries(parts)) {
      const limit = model.limits[name] ?? {}
      const reasons = new Set()
      for (const input of part.inputs) {
        const reason = limit.reason ?? limit.options?.[input.value]
        if (input.type === "radio") input.disabled = reason !== undefined
        else input.disabled = limit.reason !== undefined
        if (reason !== undefined) reasons.add(reason)
        input.closest("label")?.classList.toggle("unavailable", input.disabled)
      }
      for (const option of part.inputs[0]?.options ?? []) {
        option.disabled = limit.options?.[option.value] !== undefined
        if (option.disabled) reasons.add(limit.options[option.value])
      }
      part.note.textContent = [...reasons].join(" ")
    }
  }
  build()
  return {
    element,
    update: {controls: build, values: showValues, limits: showLimits, acknowledged() { queue.acknowledged(); showValues() }},
  }
})
