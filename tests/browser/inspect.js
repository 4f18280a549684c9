// What tests ask of a page beyond what a student sees. Every function looks through open shadow roots.
window.inspect = (() => {
  const INTERACTIVE = "a[href], button, input, select, textarea, summary, [tabindex]"

  function* walk(root = document) {
    for (const element of root.querySelectorAll("*")) {
      yield element
      if (element.shadowRoot) yield* walk(element.shadowRoot)
    }
  }

  const visible = (element) =>
    element.checkVisibility({opacityProperty: false, visibilityProperty: true}) && element.getClientRects().length > 0

  const name = (element) => {
    const text = (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().replace(/\s+/g, " ").slice(0, 40)
    const label = element.labels?.[0]?.textContent.trim().slice(0, 40)
    return `${element.localName}${element.type ? `[${element.type}]` : ""}.${element.className} "${label || text}"`
  }

  const active = () => {
    let element = document.activeElement
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
    return element
  }

  const closest = (element, selector) => {
    for (let node = element; node; node = node.assignedSlot ?? node.parentElement ?? node.getRootNode().host) {
      if (node.matches?.(selector)) return node
    }
    return null
  }

  // Boxes that a finger has to hit. A visually hidden input is hit through its label.
  const targets = () => [...walk()].filter((element) =>
    element.matches("a[href], button, input, select, summary") && visible(element) && !element.disabled
    && !element.classList.contains("visually-hidden"))

  const smallTargets = (least) => targets().filter((element) => {
    const label = element.matches("input[type=radio], input[type=checkbox]") ? element.closest("label") : null
    const {width, height} = (label ?? element).getBoundingClientRect()
    // Links inside a sentence are as high as its lines.
    return (width < least || height < least) && !(element.matches("a") && element.closest("p, li, td"))
  }).map(name)

  // The stops of the Tab key: one per group of radio buttons.
  const tabStops = () => {
    const groups = new Map()
    const stops = []
    for (const element of walk()) {
      if (!element.matches(INTERACTIVE) || element.tabIndex < 0 || element.disabled || !visible(element)) continue
      if (element.type === "radio") {
        const members = groups.get(element.name) ?? []
        if (members.length === 0) stops.push(members)
        members.push(element)
        groups.set(element.name, members)
      } else if (!element.matches("[inert], [inert] *")) {
        stops.push([element])
      }
    }
    return stops
  }

  let expected = []
  const startTabbing = () => {
    expected = tabStops()
    // The next Tab starts from the top of the page.
    document.body.tabIndex = -1
    document.body.focus()
    document.body.removeAttribute("tabindex")
    window.scrollTo(0, 0)
    return expected.length
  }
  const focusReport = () => {
    const element = active()
    if (!element || element === document.body) return null
    const stop = expected.findIndex((members) => members.includes(element))
    const shown = [element, element.closest("label"), element.closest(".card")].filter(Boolean).some((box) => {
      const style = getComputedStyle(box)
      return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
    })
    const box = (element.closest("label") ?? element).getBoundingClientRect()
    const x = Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1)
    // Of what is taller than the window the upper part that is in it counts.
    const top = Math.max(box.top, 0)
    const y = top + Math.min((Math.min(box.bottom, innerHeight) - top) / 2, 20)
    let at = document.elementFromPoint(x, y)
    while (at?.shadowRoot?.elementFromPoint(x, y) && at.shadowRoot.elementFromPoint(x, y) !== at) {
      at = at.shadowRoot.elementFromPoint(x, y)
    }
    const clear = at !== null && (at === element || element.contains(at) || closest(at, "label")?.contains(element)
      || element.shadowRoot?.contains(at) || Boolean(closest(element, ".card")?.contains(at)))
    return {stop, name: name(element), title: element.title, shown, clear, top: box.top, bottom: box.bottom, under: at ? name(at) : null}
  }
  const missedStops = (seen) => expected.filter((_, i) => !seen.includes(i)).map((members) => name(members[0]))

  // Text that somebody cannot read because its box cuts it off.
  const clipped = () => [...walk()].filter((element) => {
    if (!visible(element) || element.matches("canvas, svg *, .visually-hidden, select, option, input")) return false
    if (closest(element, ".plot") || closest(element, ".visually-hidden")) return false
    const style = getComputedStyle(element)
    const cuts = (axis) => ["hidden", "clip"].includes(style[`overflow${axis}`])
    return (cuts("X") && element.scrollWidth > element.clientWidth + 2)
      || (cuts("Y") && element.scrollHeight > element.clientHeight + 2)
  }).map(name)

  // Elements that stick out of the page to the right.
  const overflowing = () => {
    const edge = document.documentElement.clientWidth
    return [...walk()].filter((element) => visible(element) && element.getBoundingClientRect().right > edge + 1
      && !closest(element, ".scroll-x, .plot") && !element.matches(".visually-hidden")).map(name)
  }

  const sideways = () => document.documentElement.scrollWidth - document.documentElement.clientWidth

  const animations = () => [...walk()].filter((element) => {
    const {animationName, animationDuration, transitionDuration} = getComputedStyle(element)
    const seconds = (text) => Math.max(...text.split(",").map(parseFloat))
    return (animationName !== "none" && seconds(animationDuration) > 0.01) || seconds(transitionDuration) > 0.01
  }).filter(visible).filter((element) => !closest(element, ".plot")).map(name)

  // What is still on its way: half faded in, its colours are those of no theme.
  const moving = () => [document, ...[...walk()].map((element) => element.shadowRoot).filter(Boolean)]
    .flatMap((root) => root.getAnimations())
    .filter((each) => each.playState === "running" && Number.isFinite(each.effect.getComputedTiming().endTime)).length

  // Plots on screen: their width, and how much of the fullest of their layers is painted.
  const painted = (canvas) => {
    if (canvas.width === 0 || canvas.height === 0) return 0
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true})
    copy.drawImage(canvas, 0, 0)
    const {data} = copy.getImageData(0, 0, canvas.width, canvas.height)
    let count = 0
    for (let i = 3; i < data.length; i += 4) count += data[i] > 0 ? 1 : 0
    return count / (data.length / 4)
  }
  const plots = () => [...walk()].filter((element) => element.matches(".figure .plot") && visible(element)).map((plot) => {
    const layers = [...plot.querySelectorAll("*")].flatMap((element) => element.shadowRoot ? [...walk(element.shadowRoot)] : [])
      .filter((element) => element.localName === "canvas")
    const widths = layers.map((canvas) => canvas.getBoundingClientRect().width)
    return {box: plot.clientWidth, drawn: Math.max(0, ...widths), painted: Math.max(0, ...layers.map(painted))}
  })

  // One colour of every drawn axis, as the plot's models have it.
  const axisColours = () => Bokeh.documents.flatMap((document) => [...document.all_models ?? document._all_models.values()])
    .filter((model) => model.type === "LinearAxis" || model.type === "LogAxis").map((axis) => axis.axis_label_text_color)

  return {smallTargets, startTabbing, focusReport, missedStops, clipped, overflowing, sideways, animations, moving, plots, axisColours}
})()
