// A page in a frame of a portal tells the portal's page how high it is, so that the frame needs no scroll bar.
// The page says who it is and who may know: {lab, portals}.
const embedding = document.querySelector("meta[name=mlsys-labs-embed]")

if (embedding !== null && window.parent !== window) {
  const {lab, portals} = JSON.parse(embedding.content)
  // Where the browser tells who the parent is, nobody else is addressed: it would complain of each that is not.
  const parent = window.location.ancestorOrigins?.[0]
  const listeners = [window.location.origin, ...portals].filter((origin) => !parent?.startsWith("http") || origin === parent)
  let told = 0
  new ResizeObserver(() => {
    const height = Math.ceil(document.body.getBoundingClientRect().height)
    if (height === told) return
    told = height
    for (const origin of listeners) window.parent.postMessage({type: "mlsys-labs:height", lab, height}, origin)
  }).observe(document.body)
}
