// Sets the theme before the first paint; a file of its own, because the policy forbids inline script.
;(() => {
  let kept = null
  try {
    kept = localStorage.getItem("waft.theme")
  } catch {
    kept = null
  }
  const dark = kept === "dark" || (kept === null && matchMedia("(prefers-color-scheme: dark)").matches)
  document.documentElement.dataset.theme = dark ? "dark" : "light"
})()
