// The loader of the labs' modules leaves those of the portal's page alone in this mode, and takes import maps in no other.
if (document.querySelector("script[type=esms-options]") === null) {
  const options = document.createElement("script")
  options.type = "esms-options"
  options.textContent = '{"shimMode": true}'
  document.head.append(options)
}
