// Failure states: red when a limit is broken, amber when a design is only missing its target.
import {component, h, icon} from "./dom.js";

export const FailureBanner = component(["banner"], ({model}) => {
  // The region stays in the page, so that a screen reader hears what enters it.
  const element = h("div", {class: "banners", role: "alert", "aria-atomic": "true"})
  const show = () => element.replaceChildren(...model.failures.map((failure) =>
    h("div", {class: `banner ${failure.severity}`},
      icon(failure.severity === "danger" ? "danger" : "warn"),
      h("div", {}, h("strong", {}, failure.title), " ", failure.text))))
  show()
  return {element, update: {failures: show}}
})
