// The course: both volumes, one card per lab.
import {accountBar} from "./account.js";
import {component, h} from "./dom.js";
import {dress, themeButton} from "./theme.js";

const card = (lab) => h("li", {class: `card ${lab.progress}`},
  h(lab.href ? "a" : "div", {class: "face", ...(lab.href ? {href: lab.href, "aria-label": `Lab ${lab.number}: ${lab.title}`} : {})},
    lab.thumbnail ? h("img", {src: lab.thumbnail, alt: "", loading: "lazy", width: 320, height: 180}) : null,
    h("div", {class: "card-body"},
      h("p", {class: "eyebrow"}, `Lab ${lab.number} · ${lab.minutes} min`),
      h("h3", {}, lab.title),
      h("p", {class: "invariant"}, lab.invariant),
      h("ul", {class: "tags", "aria-label": "Contexts"}, lab.contexts.map((context) => h("li", {class: `regime-${context.regime}`}, context.label))),
      h("p", {class: "progress"}, lab.progress_text))))

export const CourseIndex = component(["index", "account"], ({model, el}) => {
  const embedded = model.place === "frame" || model.place === "portal"
  if (model.place === "portal") dress(el.getRootNode())
  const element = h("div", {class: embedded ? "course embedded" : "course"})
  const show = () => element.replaceChildren(...[
    h("header", {class: "hero"}, h("div", {class: "top"}, model.home ? h("a", {class: "home", href: model.home}, "← All labs") : null,
      h("span", {class: "eyebrow"}, model.eyebrow), accountBar(model.account), embedded ? null : themeButton()),
      h("h1", {}, model.title), h("p", {class: "lead"}, model.lead), h("p", {class: model.volumes.length ? "summary" : "summary opening"}, model.summary),
      model.your_class ? h("a", {class: "home", href: model.your_class}, "Your class →") : null),
    model.notice ? h("p", {class: "notice", role: "status"}, model.notice) : null,
    ...model.volumes.map((volume) => h("section", {},
      h("h2", {}, volume.title), h("p", {class: "subtitle"}, volume.subtitle), h("ul", {class: "cards"}, volume.labs.map(card))))].filter(Boolean))
  show()
  return {element, update: {volumes: show, summary: show}}
})
