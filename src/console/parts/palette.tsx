import { Dialog } from "@base-ui/react/dialog"
import { useRouter } from "@tanstack/react-router"
import { Search } from "lucide-react"
import { type KeyboardEvent as ReactKeyboardEvent, useEffect, useId, useState } from "react"
import { type PaletteRow, usePaletteRows } from "../live/palette.ts"
import { classes } from "./classes.ts"
import styles from "./palette.module.css"

/** Where `g` and then a letter leads. */
const afterG: Readonly<Record<string, string>> = { d: "/devices", r: "/rollouts", f: "/firmware", o: "/" }
/** A letter counts as the second one for so long. */
const secondKeyMs = 1000

function isTyping({ target }: KeyboardEvent): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null
}

/** Ctrl-K: devices, rollouts, releases, pages and actions by a few letters. `g` and a letter goes to a page. */
export function Palette() {
  const router = useRouter()
  const [open, setOpen] = useState(false)
  useEffect(() => {
    let gAt = Number.NEGATIVE_INFINITY
    const press = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault()
        setOpen(true)
        return
      }
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return
      const to = event.timeStamp - gAt < secondKeyMs ? afterG[event.key] : undefined
      gAt = event.key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY
      if (to === undefined) return
      event.preventDefault()
      router.history.push(to)
    }
    addEventListener("keydown", press)
    return () => removeEventListener("keydown", press)
  }, [router])
  return (
    <>
      <button type="button" className={styles.trigger} onClick={() => setOpen(true)} aria-label="Search or do… Ctrl K">
        <Search size={14} aria-hidden />
        <span>Search or do…</span>
        <kbd>Ctrl K</kbd>
      </button>
      <Dialog.Root open={open} onOpenChange={setOpen}>
        <Dialog.Portal>
          <Dialog.Backdrop className={styles.backdrop} />
          <Dialog.Popup className={styles.popup}>
            <Dialog.Title className="visually-hidden">Search or do</Dialog.Title>
            <Chooser
              onChoose={({ to }) => {
                setOpen(false)
                router.history.push(to)
              }}
            />
          </Dialog.Popup>
        </Dialog.Portal>
      </Dialog.Root>
    </>
  )
}

function Chooser({ onChoose }: { readonly onChoose: (row: PaletteRow) => void }) {
  const [text, setText] = useState("")
  const [at, setAt] = useState(0)
  const rows = usePaletteRows(text)
  const list = useId()
  const chosen = rows[Math.min(at, rows.length - 1)]
  const press = (event: ReactKeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0
    if (step !== 0) {
      event.preventDefault()
      setAt((before) => (Math.min(before, rows.length - 1) + step + rows.length) % rows.length)
    } else if (event.key === "Enter" && chosen !== undefined) onChoose(chosen)
  }
  return (
    <>
      <input
        className={styles.input}
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={chosen === undefined ? undefined : optionId(list, chosen)}
        aria-label="Search or do"
        placeholder="A device, a rollout, a page…"
        value={text}
        spellCheck={false}
        onChange={({ target }) => {
          setText(target.value)
          setAt(0)
        }}
        onKeyDown={press}
      />
      <div id={list} role="listbox" aria-label="What matches" className={styles.list}>
        {rows.map((row) => {
          const { icon: Icon } = row
          return (
            <div
              key={row.key}
              id={optionId(list, row)}
              role="option"
              tabIndex={-1}
              aria-selected={row === chosen}
              className={styles.option}
              onClick={() => onChoose(row)}
            >
              <Icon size={14} aria-hidden />
              <span className={classes(styles.word, row.mono === true && "mono")}>{row.word}</span>
              <span className={styles.why}>{row.why}</span>
            </div>
          )
        })}
      </div>
    </>
  )
}

function optionId(list: string, { key }: PaletteRow): string {
  return `${list}-${key}`.replaceAll(/\s/g, "-")
}
