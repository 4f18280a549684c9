// The instructor's overview: the matrix of progress, calibration and failures by lab, and the ways onward.
import {component, h, uniqueId} from "../dom.js";
import {connectionNotice} from "../connection.js";
import {themeButton} from "../theme.js";
import {interval, students} from "./bars.js";

// One sign for a few states that are alike; the words beside it tell them apart.
const SIGNS = ["·", "○", "◔", "◔", "◔", "◑", "◕", "◕", "●"]
const LEGEND = [[0, "not opened"], [1, "briefing"], [2, "in Act I"], [5, "before Act II"], [6, "in Act II"], [8, "saved"]]

const sign = (digit) => h("span", {class: `sign s${digit}`, "aria-hidden": "true"}, SIGNS[digit])

function rowOf(student, model) {
  const cells = [...student.cells].map((digit, k) => h("td", {class: `s${digit}`},
    h("span", {role: "img", "aria-label": model.states[digit], title: `${student.name}, ${model.labs[k].name}: ${model.states[digit]}`}, SIGNS[digit])))
  return h("tr", {}, h("th", {scope: "row"}, student.name), h("td", {class: "num"}, String(student.saved)), cells)
}

function matrix(model) {
  const base = uniqueId("matrix")
  const body = h("tbody")
  const found = h("p", {class: "hint", role: "status"})
  const search = h("input", {type: "search", id: `${base}-name`, oninput: () => sift()})
  const lab = h("select", {id: `${base}-lab`, onchange: () => sift()}, h("option", {value: ""}, "any lab"),
    model.labs.map(({name}, k) => h("option", {value: String(k)}, name)))
  const state = h("select", {id: `${base}-state`, onchange: () => sift()}, h("option", {value: ""}, "any state"),
    model.states.map((text, digit) => h("option", {value: String(digit)}, text)))
  let rows = []
  let order = {by: "name", up: true}
  const values = {name: (one) => one.name.toLocaleLowerCase(), saved: (one) => one.saved}
  const read = (by) => values[by] ?? ((one) => Number(one.cells[by]))

  const headings = new Map()
  const heading = (by, text, label) => {
    const button = h("button", {type: "button", "aria-label": label, title: label, onclick: () => {
      // Names from A, numbers from the highest; a second click turns the order round.
      order = {by, up: order.by === by ? !order.up : by === "name"}
      sort()
    }}, text)
    const cell = h("th", {scope: "col", class: typeof by === "number" ? "lab" : by}, button)
    headings.set(by, cell)
    return cell
  }
  const sort = () => {
    const value = read(order.by)
    const sorted = [...rows].sort((one, two) => {
      const [a, b] = [value(one.student), value(two.student)]
      return (a < b ? -1 : a > b ? 1 : 0) * (order.up ? 1 : -1)
    })
    body.replaceChildren(...sorted.map(({element}) => element))
    for (const [by, cell] of headings) {
      if (by === order.by) cell.setAttribute("aria-sort", order.up ? "ascending" : "descending")
      else cell.removeAttribute("aria-sort")
    }
  }
  const sift = () => {
    const text = search.value.trim().toLocaleLowerCase()
    const fits = ({name, cells}) => name.toLocaleLowerCase().includes(text)
      && (state.value === "" || (lab.value === "" ? cells.includes(state.value) : cells[Number(lab.value)] === state.value))
    let shown = 0
    for (const {student, element} of rows) {
      element.hidden = !fits(student)
      shown += element.hidden ? 0 : 1
    }
    found.textContent = !model.loaded ? "Reading the ledger …"
      : rows.length ? `${shown} of ${students(rows.length)}` : "Nobody has opened a lab yet."
  }
  const show = () => {
    rows = model.students.map((student) => ({student, element: rowOf(student, model)}))
    sort()
    sift()
  }
  const volumes = [1, 2].map((volume) => model.labs.filter((one) => one.volume === volume).length)
  const table = h("table", {class: "matrix"},
    h("thead", {},
      h("tr", {}, h("th", {class: "name", colspan: "2"}, h("span", {class: "visually-hidden"}, "Student")),
        volumes.map((count, k) => count ? h("th", {scope: "colgroup", colspan: String(count), class: "volume"}, `Volume ${k + 1}`) : null)),
      h("tr", {}, heading("name", "Student", "Sort by name"), heading("saved", "Saved", "Sort by labs saved"),
        model.labs.map(({number, name, title}, k) => heading(k, number, `Sort by ${name} ${title}`)))),
    body)
  show()
  const field = (control, label) => h("div", {class: "field"}, h("label", {for: control.id}, label), control)
  return {
    element: h("section", {class: "panel", "aria-label": "Progress"}, h("h2", {}, "Progress"),
      h("div", {class: "sieve"}, field(search, "Find a student"), field(lab, "Lab"), field(state, "State"), found),
      h("ul", {class: "legend", "aria-label": "Signs"}, LEGEND.map(([digit, text]) => h("li", {}, sign(digit), text))),
      h("div", {class: "matrix-region", tabindex: "0", role: "region", "aria-label": "Progress of every student"}, table)),
    show,
    note: sift,
  }
}

// On a phone a lab is a block of lines, and every line names its column; the roles keep the table for screen readers.
const COLUMNS = ["Lab", "Right", "Share right", "Typically off by", "Failures met most"]

function labsPart(model) {
  const body = h("tbody", {role: "rowgroup"})
  const show = () => {
    const failing = Object.fromEntries(model.failures.map(({lab, failures}) => [lab, failures]))
    const known = Object.fromEntries(model.calibration.map((line) => [line.lab, line]))
    body.replaceChildren(...model.labs.map((lab) => {
      const line = known[lab.name]
      const predicted = line !== undefined && line.share !== null
      const met = failing[lab.name] ?? []
      const cell = (kind, column, content) => h("td", {role: "cell", class: content ? kind : `${kind} none`, "data-column": column}, content || "–")
      return h("tr", {role: "row"},
        h("th", {scope: "row", role: "rowheader"}, h("a", {href: lab.live, "aria-label": `${lab.name} ${lab.title}, live view`}, lab.name), h("span", {class: "lab-title"}, lab.title)),
        cell("num", COLUMNS[1], predicted ? line.right : null),
        cell("num reach-cell", COLUMNS[2], predicted ? [interval(line), h("span", {class: "reach-text"}, line.interval)] : null),
        cell("num", COLUMNS[3], predicted && line.factor !== "–" ? line.factor : null),
        cell("", COLUMNS[4], met.length ? h("ul", {class: "plain"}, met.map(({title, count}) => h("li", {}, `${title}: `, h("span", {class: "num"}, students(count))))) : null))
    }))
  }
  show()
  return {
    element: h("section", {class: "panel", "aria-label": "Labs"}, h("h2", {}, "Predictions and failures by lab"),
      h("p", {class: "hint"}, "First predictions of Act I. The bar is the 95 % confidence interval of the share that was right. A lab’s number leads to its live view."),
      h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": "Predictions and failures by lab"},
        h("table", {class: "by-lab", role: "table"}, h("thead", {role: "rowgroup"}, h("tr", {role: "row"}, COLUMNS.map((text, k) =>
          h("th", {scope: "col", role: "columnheader", class: k && k < 4 ? "num" : ""}, text)))), body))),
    show,
  }
}

export const CourseOverview = component(["question", "frame", "classroom"], ({model, view}) => {
  const progress = matrix(model), labs = labsPart(model)
  const notice = h("div", {class: "notices", role: "status"})
  const showNotice = () => notice.replaceChildren(...(model.notice ? [h("p", {class: "notice"}, model.notice)] : []))
  showNotice()
  const element = h("div", {class: "frame live"},
    connectionNotice(view.model.document),
    h("header", {class: "lab-header"},
      h("div", {class: "top"}, h("a", {class: "home", href: model.home}, "← All labs"), h("span", {class: "eyebrow"}, "Instructor"), themeButton()),
      h("h1", {}, model.title),
      h("ul", {class: "ways"}, model.exports.map(({label, href}) => h("li", {}, h("a", {class: "home", href, download: ""}, label))),
        h("li", {}, h("a", {class: "home", href: model.embed}, "Embed in a portal")))),
    notice, h("div", {class: "stacked"}, progress.element, labs.element))
  return {
    element,
    update: {students: progress.show, loaded: progress.note, calibration: labs.show, failures: labs.show, notice: showNotice},
  }
})
