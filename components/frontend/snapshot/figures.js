// The plots of an act: drawn from the recorded drawings, then fed with recorded columns.
import {mount} from "./host.js";

// "3/y": column y of layer 3.
const LAYER = /^\d+\//

export class ActFigure {
  // `slot` names the plot in the columns; `drawings` are the blueprints that the act's plots use.
  constructor(columns, drawings, slot) {
    this.columns = columns
    this.drawings = drawings
    this.slot = slot
  }

  // Whether the plot must be drawn anew for a state, because more than its columns is different.
  differs(state, prediction) {
    return this.columns.number(this.slot, state, prediction) !== this.drawing
  }

  // A new component for a state.
  build(state, prediction) {
    this.remove()
    this.drawing = this.columns.number(this.slot, state, prediction)
    const blueprint = this.drawings[this.columns.value(this.slot, state, prediction)]
    this.names = this.columns.under(this.slot, state, prediction).filter((name) => LAYER.test(name))
    this.component = mount("Figure", {
      ...this.words(state, prediction),
      drawing: {blueprint, ...this.data(state, prediction)},
      changes: {},
    })
    return this.component.element
  }

  remove() { this.component?.remove() }

  show(state, prediction) {
    this.component.set(this.words(state, prediction))
    this.component.put("changes", this.data(state, prediction))
  }

  words(state, prediction) {
    const word = (name) => this.columns.value(`${this.slot}/${name}`, state, prediction)
    return {title: word("title"), caption: word("caption"), key: word("key")}
  }

  data(state, prediction) {
    const value = (name) => this.columns.value(`${this.slot}/${name}`, state, prediction)
    const columns = []
    for (const name of this.names) {
      const [layer, column] = name.split("/")
      columns[layer] = {...columns[layer], [column]: value(name)}
    }
    return {columns, axes: [value("x"), value("y")]}
  }
}
