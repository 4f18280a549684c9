// A plot on screen: Bokeh makes its models from the drawing that came as text; columns and axes are put into them.
import {paint} from "./theme.js";

const SIDES = [["x", "x_range", "below"], ["y", "y_range", "left"]]

const sameColumn = (a, b) => a === b || (a.length === b.length && a.every((value, i) => Object.is(value, b[i])))
const sameAxis = (a, b) => a !== undefined && JSON.stringify(a) === JSON.stringify(b)

function writeAxis(figure, [side, range, place], [label, low, high, ticks]) {
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

export class DrawnPlot {
  // `box` is the element that the plot fills; `drawing` as `components.instruments.figure` describes it.
  constructor(box, {blueprint, columns, axes}) {
    const drawn = JSON.parse(blueprint)
    this.box = box
    this.drawing = {columns, axes}
    this.document = Bokeh.require("document").Document.from_json(drawn.document)
    this.figure = this.document.get_model_by_id(drawn.figure)
    this.sources = drawn.sources.map((id) => this.document.get_model_by_id(id))
  }

  // Puts the plot into its box, in the colours of the present theme.
  async place() {
    this.repaint()
    const views = await Bokeh.embed.add_document_standalone(this.document, this.box, [], false)
    const view = views.get_by_id(this.figure.id)
    // Another drawing may have taken its place meanwhile.
    if (this.removed) return view.remove()
    this.view = view
    this.fit()
  }

  repaint() { paint(this.figure) }

  // What has changed since the drawing. Only columns and axes that are not on screen yet touch the models.
  feed({columns = {}, axes = this.drawing.axes}) {
    this.sources.forEach((source, layer) => {
      const fresh = {...this.drawing.columns[layer], ...columns[layer]}
      const same = Object.keys(fresh).every((name) => sameColumn(source.data[name], fresh[name]))
      if (!same) source.data = fresh
    })
    SIDES.forEach((side, i) => {
      if (!sameAxis(this.axes?.[i], axes[i])) writeAxis(this.figure, side, axes[i])
    })
    this.axes = axes
  }

  // The name under which the save tool saves; without one it asks.
  entitle(title) {
    const filename = title.replace(/[^\p{L}\p{N}]+/gu, "-")
    for (const tool of this.figure.toolbar.tools) if (tool.type === "SaveTool") tool.filename = filename
  }

  // Measures this plot and no other, when its box has changed.
  fit() {
    // Before its first drawing a plot has no layout to fit; it takes its size from the box then.
    if (this.view?.layout === undefined || this.box.clientWidth === 0) return
    this.view.measure_layout()
    this.view.update_bbox()
    this.view._compute_layout()
    this.view.after_layout()
  }

  // The tools of a plot come with the pointer; the keyboard's focus brings them, too.
  showTools(shown) { this.view?.[shown ? "mouseenter" : "mouseleave"]?.emit() }

  remove() {
    this.removed = true
    this.view?.remove()
    // Bokeh keeps every document that it has drawn.
    const at = Bokeh.documents.indexOf(this.document)
    if (at >= 0) Bokeh.documents.splice(at, 1)
  }
}
