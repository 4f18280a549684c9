// Light and dark: custom properties for the page, and recoloured models for plots, which are drawn on canvas.
import {adopt, h, OWN_PAGE} from "./dom.js";

const STORAGE_KEY = "mlsys-theme"

// In a page of ours the tokens belong to the whole page. A portal's own page is none of our business: there they go to
// the element that holds the lab, in the theme that the portal's page itself has.
const tokens = new CSSStyleSheet()
tokens.replaceSync(OWN_PAGE ? TOKENS : TOKENS.replace(/:root(:not\([^)]*\)|\[[^\]]*\])?/g, (_, which) => which ? `:host(${which})` : ":host"))
if (OWN_PAGE) document.adoptedStyleSheets = [...document.adoptedStyleSheets, tokens]

const systemDark = window.matchMedia("(prefers-color-scheme: dark)")

function remembered() {
  try {
    return window.localStorage.getItem(STORAGE_KEY)
  } catch {
    return null // Storage is closed to us in some embedded frames: the choice then lasts as long as the page.
  }
}

function choose(theme) {
  document.documentElement.dataset.theme = theme
  try {
    window.localStorage.setItem(STORAGE_KEY, theme)
  } catch {
    // As above.
  }
  document.dispatchEvent(new CustomEvent("mlsys-theme"))
}

if (OWN_PAGE) {
  const saved = new URLSearchParams(window.location.search).get("theme") ?? remembered()
  if (saved === "light" || saved === "dark") document.documentElement.dataset.theme = saved
}
systemDark.addEventListener("change", () => document.dispatchEvent(new CustomEvent("mlsys-theme")))

// A page that says nothing of colour schemes is light, whatever the reader's system prefers.
function portalIsDark() {
  const schemes = getComputedStyle(document.documentElement).colorScheme
  return schemes.includes("dark") && (systemDark.matches || !schemes.includes("light"))
}

export const isDark = () => {
  if (!OWN_PAGE) return portalIsDark()
  const chosen = document.documentElement.dataset.theme
  return chosen ? chosen === "dark" : systemDark.matches
}

// Gives the element that holds a lab in a portal's page the tokens, and the theme of that page.
export function dress(root) {
  adopt(root, ["portal"])
  root.adoptedStyleSheets = [tokens, ...root.adoptedStyleSheets]
  const show = () => { root.host.dataset.theme = isDark() ? "dark" : "light" }
  show()
  document.addEventListener("mlsys-theme", show)
}

const LIGHT_PARTNER = Object.fromEntries(Object.entries(DARK_PARTNER).map(([light, dark]) => [dark, light]))

// Swaps every colour of a plot's models for its partner of the current theme. Colours without a partner stay.
export function paint(figure) {
  const partner = isDark() ? DARK_PARTNER : LIGHT_PARTNER
  const swap = (value) => (typeof value === "string" ? partner[value.toLowerCase()] : undefined)
  for (const model of figure.references()) {
    const changes = {}
    for (const property of model) {
      if (property.attr === "palette") {
        const palette = property.get_value()
        const swapped = palette.map((value) => swap(value) ?? value)
        if (swapped.some((value, i) => value !== palette[i])) changes.palette = swapped
      } else if (property.attr.endsWith("color") || property.attr.endsWith("hatch_color")) {
        const value = property.get_value()
        const inner = value !== null && typeof value === "object" && "value" in value
        const swapped = swap(inner ? value.value : value)
        if (swapped !== undefined) changes[property.attr] = inner ? {...value, value: swapped} : swapped
      }
    }
    // Not synchronised: the server keeps the light colours, and one reader's taste is no business of it.
    if (Object.keys(changes).length > 0) model.setv(changes, {sync: false})
  }
}

export function themeButton() {
  const label = () => (isDark() ? "Light theme" : "Dark theme")
  const element = h("button", {
    type: "button", class: "quiet", onclick: () => choose(isDark() ? "light" : "dark"),
  }, label())
  document.addEventListener("mlsys-theme", () => { element.textContent = label() })
  return element
}
