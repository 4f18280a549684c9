// A class round on a student's page: what everybody waits for, the second vote, and both votes afterwards.
import {component, h} from "../dom.js";
import {ballot} from "../questions.js";

const WAITING = {
  vote: ["Your prediction is locked. Wait for the class.", "The instruments open for everybody at once."],
  discuss: ["Discuss with your neighbours: what did you predict, and why?",
    "Your locked prediction stays. A second vote follows, then the instruments open."],
  revote: ["Vote again", "The ledger keeps your first prediction. You may change this vote until the class goes on."],
}

export const ClassRound = component(["question", "classroom"], ({model}) => {
  // The region stays, so that a screen reader hears what the class goes on to.
  const said = h("div", {role: "status"})
  const form = h("div")
  const votes = h("dl", {class: "gap votes"})
  const element = h("section", {class: "panel question class-round", "aria-label": "Class round"},
    h("p", {class: "eyebrow"}, "With the class"), said, form, votes)
  const showVotes = () => votes.replaceChildren(
    ...[{label: "First vote", text: model.first}, {label: "Second vote", text: model.second}]
      .filter((item) => item.text && model.phase !== "vote")
      .map((item) => h("div", {}, h("dt", {}, item.label), h("dd", {trusted: item.text}))))
  const show = () => {
    const [title, hint] = WAITING[model.phase] ?? ["The class has voted", "The instruments are open."]
    said.replaceChildren(h("p", {class: "overlay-title"}, title), h("p", {class: "hint"}, hint))
    form.replaceChildren()
    if (model.phase === "revote") {
      const asked = ballot(model, "Cast second vote", {
        chosen: model.chosen || null, commit: (value) => model.send_msg({type: "revise", value}),
      })
      form.append(asked.form, h("div", {class: "actions"}, asked.button))
    }
    showVotes()
  }
  show()
  return {element, update: {phase: show, first: showVotes, second: showVotes}}
})
