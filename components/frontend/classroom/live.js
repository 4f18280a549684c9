// The instructor's live view: counts, the class round, where everybody stands, questions, failures, results.
import {component, h} from "../dom.js";
import {connectionNotice} from "../connection.js";
import {themeButton} from "../theme.js";
import {columns, dots, optionBars, students} from "./bars.js";

const PHASES = {vote: "Vote", discuss: "Discuss", revote: "Vote again", revealed: "Reveal"}
const SAID = {
  vote: "The class votes. Whoever locks a prediction waits.",
  discuss: "The vote is over: the class discusses.",
  revote: "The class votes again.",
  revealed: "Revealed: the instruments are open.",
}

const names = (line) => line.names.length ? h("p", {class: "names"}, line.names.join(", ")) : null

// Replaces what a part shows and leaves the focus with the button that takes the place of the one that had it.
function redraw(part, children) {
  const focused = part.contains(part.getRootNode().activeElement)
  part.replaceChildren(...children.filter(Boolean))
  if (focused) part.querySelector("button")?.focus()
}

function roundPart(model) {
  const status = h("p", {role: "status", class: "round-status"})
  const phases = h("ol", {class: "phases"})
  const actions = h("div", {class: "actions"})
  const votes = h("div", {class: "round-votes"})
  const ask = (phase, label, kind) => h("button", {
    type: "button", class: kind, onclick: () => model.send_msg({type: "round", value: phase}),
  }, label)
  const buttons = ({next, open}) => {
    if (!open) return [ask("vote", "Open a class round", "primary")]
    const [following, ...others] = next
    const label = {discuss: "End the vote: discuss", revote: "Vote again", revealed: "Reveal to everybody"}[following]
    return [ask(following, label, "primary"), ...others.map((phase) => ask(phase, "Reveal at once", ""))]
  }
  // Of a second vote nothing is drawn before there is one.
  const twice = ({phase, second}) => phase === "revote" || second > 0
  const table = (round) => h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": twice(round) ? "First and second votes" : "Votes"},
    h("table", {}, h("thead", {}, h("tr", {}, (twice(round) ? ["Prediction", "First vote", "Second vote", "Shift"] : ["Prediction", "Vote"]).map((text, k) =>
      h("th", {scope: "col", class: k ? "num" : ""}, text)))),
    h("tbody", {}, round.rows.map((option) => h("tr", {class: option.right ? "right" : ""},
      h("th", {scope: "row"}, h("span", {trusted: option.text}), option.right ? h("strong", {class: "verdict"}, "✓ right") : null),
      h("td", {class: "num"}, pairBar("first", option.first, round.first)),
      twice(round) ? [h("td", {class: "num"}, pairBar("second", option.second, round.second)), h("td", {class: "num"}, round.second ? option.shift : "–")] : null)))))
  const show = () => {
    const round = model.round
    const over = round.number > 0 && !round.open && round.phase !== "revealed"
    const said = round.number === 0 ? "No round yet. Open one before the class predicts: first votes are the predictions that students lock."
      : over ? `Round ${round.number} ended by itself after 30 minutes.` : `Round ${round.number}. ${SAID[round.phase]}`
    if (status.textContent !== said) status.textContent = said
    phases.hidden = round.number === 0 || over
    phases.replaceChildren(...Object.entries(PHASES).map(([phase, label]) =>
      h("li", {"aria-current": phase === round.phase ? "step" : null}, label)))
    redraw(actions, buttons(round))
    redraw(votes, round.number === 0 ? [] : [
      h("p", {class: "round-count"}, h("strong", {}, students(round.first)), " voted", twice(round) ? [", ", h("strong", {}, String(round.second)), " a second time"] : null, ".",
        round.rows.length && round.second > 0 && round.second < round.first ? " The shift is among those who voted twice." : null),
      round.covered ? cover(model) : table(round),
      round.moved.length ? h("dl", {class: "moved"}, round.moved.map(({label, count}) => h("div", {}, h("dt", {}, label), h("dd", {class: "num"}, String(count))))) : null,
    ])
  }
  show()
  return {
    element: h("section", {class: "panel wide", "aria-labelledby": "round-title"},
      h("h2", {id: "round-title"}, "Class round on Act I"), phases, status, actions, votes), show,
  }
}

function pairBar(kind, count, total) {
  const fill = h("div", {class: `fill ${kind}`})
  fill.style.width = `${total ? 100 * count / total : 0}%`
  return h("div", {class: "pair"}, h("div", {class: "track"}, fill), h("span", {}, String(count)))
}

const cover = (model) => h("div", {class: "cover"}, h("p", {}, "The votes stay covered while the class casts them."),
  h("button", {type: "button", class: "small", onclick: () => model.send_msg({type: "uncover"})}, "Show the votes all the same"))

function questionPart(model, index) {
  const {id, title, question} = model.questions[index]
  const item = {question}
  const toggle = h("button", {type: "button", class: "small", onclick: () => model.send_msg({type: "reveal", value: id})})
  const body = h("div", {class: "answers"})
  const total = h("span", {class: "total"})
  const show = () => {
    const asked = model.questions[index]
    toggle.textContent = asked.revealed ? "Hide what is right" : "Reveal what is right"
    toggle.setAttribute("aria-pressed", String(asked.revealed))
    total.textContent = `${students(asked.total)}`
    redraw(body, [
      asked.covered ? cover(model) : asked.numeric ? columns(asked) : optionBars(asked.bars, asked.total),
      asked.other ? h("p", {class: "hint"}, `${asked.other} more from an older version of this question.`) : null,
      asked.truth ? h("p", {class: "truth"}, asked.truth) : null,
    ])
  }
  show()
  return {
    element: h("section", {class: "panel", "aria-label": title},
      h("div", {class: "panel-head"}, h("h2", {}, title), total, toggle), h("div", {class: "asked", trusted: item.question}), body), show,
  }
}

function stepsPart(model) {
  const list = h("ol", {class: "steps"})
  const show = () => {
    const most = Math.max(1, ...model.steps.map(({count}) => count))
    list.replaceChildren(...model.steps.map((step) => {
      const fill = h("div", {class: "fill"})
      fill.style.height = `${100 * step.count / most}%`
      return h("li", {class: step.count ? "" : "empty"}, h("div", {class: "gauge"}, fill), h("strong", {class: "num"}, String(step.count)),
        h("span", {}, step.label), names(step))
    }))
  }
  show()
  return {element: h("section", {class: "panel wide", "aria-label": "Where everybody stands"}, h("h2", {}, "Where everybody stands"), list), show}
}

function failuresPart(model) {
  const list = h("ol", {class: "failures"})
  const show = () => list.replaceChildren(...model.failures.map((line) => h("li", {class: line.count ? "" : "empty"},
    h("span", {class: "failure-title"}, line.title), h("strong", {class: "num"}, students(line.count)), names(line))))
  show()
  return {element: h("section", {class: "panel wide", "aria-label": "Failures met in Act II"}, h("h2", {}, "Failures met in Act II"), list), show}
}

function resultsPart(model) {
  const body = h("div", {class: "results"})
  const show = () => body.replaceChildren(...model.results.map(({context, limits, solved, plot}) => h("div", {},
    h("h3", {}, context),
    h("p", {class: "hint"}, limits.length ? ["Challenge: ", ...limits.flatMap((limit, k) => [k ? " · " : null, h("span", {class: "limit"}, limit)])] : "No challenge in this context"),
    plot ? dots(plot) : null,
    h("p", {class: "plot-text"}, plot ? `${plot.text}. ` : "No design yet. ", limits.length ? `Solved by ${students(solved)}.` : null))))
  show()
  return {
    element: h("section", {class: "panel wide", "aria-label": "Designs"}, h("h2", {}, "Designs"),
      h("p", {class: "hint"}, `${model.result}. A full dot met its challenge, a hollow one did not.`), body), show,
  }
}

function countsPart(model) {
  const list = h("dl", {class: "counts"})
  const show = () => list.replaceChildren(...model.counts.map(({label, value}) =>
    h("div", {}, h("dt", {}, label), h("dd", {class: "num"}, model.loaded ? String(value) : "…"))))
  show()
  return {element: list, show}
}

export const LiveView = component(["metrics", "question", "frame", "classroom"], ({model, view}) => {
  if (model.projector) document.documentElement.style.fontSize = "150%"
  const counts = countsPart(model), round = roundPart(model), steps = stepsPart(model)
  const questions = model.questions.map((_, index) => questionPart(model, index))
  const failures = failuresPart(model), results = resultsPart(model)
  const notice = h("div", {class: "notices", role: "status"})
  const showNotice = () => notice.replaceChildren(...(model.notice ? [h("p", {class: "notice"}, model.notice)] : []))
  showNotice()
  const toggle = h("button", {type: "button", class: "quiet", onclick: () => model.send_msg({type: "names"})})
  const showNames = () => {
    toggle.textContent = model.with_names ? "Hide names" : "Show names"
    toggle.setAttribute("aria-pressed", String(model.with_names))
  }
  showNames()
  const element = h("div", {class: `frame live ${model.projector ? "projector" : ""}`},
    connectionNotice(view.model.document),
    h("header", {class: "lab-header"},
      h("div", {class: "top"}, h("a", {class: "home", href: model.home}, "← Course overview"),
        h("span", {class: "eyebrow"}, `${model.lab} · live`),
        model.projector ? h("a", {class: "home", href: "?"}, "Instructor’s view") : [toggle, h("a", {class: "home", href: "?projector=1"}, "Projector view")],
        themeButton()),
      h("h1", {}, model.title),
      h("p", {class: "minutes"}, h("a", {class: "home", href: model.lab_address}, "Open the lab"))),
    notice, counts.element,
    h("div", {class: "panes"}, round.element, steps.element, questions.map(({element: part}) => part), failures.element, results.element))
  return {
    element,
    update: {
      counts: counts.show, loaded: counts.show, round: round.show, steps: steps.show,
      questions: () => questions.forEach(({show}) => show()),
      failures: failures.show, results: results.show, notice: showNotice, with_names: showNames,
    },
  }
})
