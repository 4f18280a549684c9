// The plots of an act: drawn by Bokeh from the recorded drawings, then fed with recorded columns.
import {h} from "../dom.js";
import {mount} from "./host.js";

const AXES = {x: ["x_range", "below"], y: ["y_range", "left"]}

function writeAxis(figure, side, [label, low, high, ticks]) {
  const [range, place] = AXES[side]
  const axis = figure[place].find((renderer) => "axis_label" in renderer)
  figure[range].setv({start: low, end: high, reset_start: low, reset_end: high})
  if (axis.axis_label !== label) {
    axis.axis_label = label
    for (const tool of figure.toolbar.tools) {
      if (tool.type !== "HoverTool") continue
      tool.tooltips = tool.tooltips.map(([said, value]) => [value.startsWith(`@${side}`) ? label : said, value])
    }
  }
  if (ticks.length === 0) return
  axis.ticker.setv({ticks: ticks.map(([at]) => at)})
  axis.major_label_overrides = new Map(ticks)
}

export class ActFigure {
  // `slot` names the plot in the columns; `drawings` are the figures without data, as Bokeh's own JSON.
  constructor(columns, drawings, slot) {
    this.columns = columns
    this.drawings = drawings
    this.slot = slot
    this.shown = {}
  }

  // Whether the plot must be drawn anew for a state, because more than its columns is different.
  differs(state, prediction) {
    return this.columns.number(this.slot, state, prediction) !== this.drawing
  }

  // A new component for a state.
  build(state, prediction) {
    this.remove()
    this.drawing = this.columns.number(this.slot, state, prediction)
    const recorded = this.drawings[this.columns.value(this.slot, state, prediction)]
    this.document = Bokeh.require("document").Document.from_json(recorded.document)
    this.figure = this.document.get_model_by_id(recorded.figure)
    this.sources = recorded.sources.map((id) => this.document.get_model_by_id(id))
    this.shown = {}
    this.feed(state, prediction)
    const box = h("div", {class: "plot-box"})
    const views = new Map()
    const component = this.component = mount("Figure", {...this.words(state, prediction), plot: this.figure}, {children: {plot: box}, views})
    Bokeh.embed.add_document_standalone(this.document, box, [], false).then((drawn) => {
      const view = drawn.get_by_id(this.figure.id)
      // Another state may have asked for another drawing meanwhile.
      if (component !== this.component) return view.remove()
      this.view = view
      views.set(this.figure, view)
      this.component.refit()
    })
    return this.component.element
  }

  remove() {
    this.component?.remove()
    this.view?.remove()
    this.view = undefined
    // Bokeh keeps every document that it has drawn.
    const at = Bokeh.documents.indexOf(this.document)
    if (at >= 0) Bokeh.documents.splice(at, 1)
  }

  show(state, prediction) {
    this.component.set(this.words(state, prediction))
    this.feed(state, prediction)
  }

  words(state, prediction) {
    const word = (name) => this.columns.value(`${this.slot}/${name}`, state, prediction)
    return {title: word("title"), caption: word("caption"), key: word("key")}
  }

  feed(state, prediction) {
    this.sources.forEach((source, layer) => {
      const data = {}
      for (const name of Object.keys(source.data)) this.changed(`${layer}/${name}`, state, prediction, (column) => { data[name] = column })
      if (Object.keys(data).length > 0) source.data = {...source.data, ...data}
    })
    for (const side of ["x", "y"]) this.changed(side, state, prediction, (axis) => writeAxis(this.figure, side, axis))
  }

  changed(name, state, prediction, run) {
    const slot = `${this.slot}/${name}`
    const number = this.columns.number(slot, state, prediction)
    if (this.shown[slot] === number) return
    this.shown[slot] = number
    run(this.columns.value(slot, state, prediction))
  }
}
