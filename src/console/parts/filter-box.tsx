import { useQuery } from "@tanstack/react-query"
import { type FormEvent, type KeyboardEvent as ReactKeyboardEvent, useEffect, useId, useRef, useState } from "react"
import { typedFilter } from "../live/filter.ts"
import { completion, groupCheck } from "../live/queries.ts"
import { Button } from "./button.tsx"
import styles from "./filter-box.module.css"

interface Props {
  readonly filter: string
  readonly onFilter: (filter: string) => void
}

/** A text that has stood still for so long is looked at, ms. */
const stillMs = 150

function useStill<T>(value: T): T {
  const [still, setStill] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setStill(value), stillMs)
    return () => clearTimeout(timer)
  }, [value])
  return still
}

/** A group expression, completed with fields and the fleet's own values; what is wrong in it is named with its column. */
export function FilterBox({ filter, onFilter }: Props) {
  const [text, setText] = useState(filter)
  const [caret, setCaret] = useState(0)
  const [chosen, setChosen] = useState(-1)
  const [isOpen, setOpen] = useState(false)
  const box = useRef<HTMLInputElement>(null)
  const list = useId()
  useEffect(() => setText(filter), [filter])
  useFocusBySlash(box)
  const still = useStill(`${caret} ${text}`)
  const at = Number(still.slice(0, still.indexOf(" ")))
  const found = useQuery({ ...completion(still.slice(still.indexOf(" ") + 1), at), enabled: isOpen }).data
  const items = isOpen ? (found?.items.slice(0, 9) ?? []) : []
  const fault = useFault(text, isOpen)

  const take = (index: number): void => {
    const item = items[index]
    if (item === undefined || found === undefined) return
    const next = `${text.slice(0, found.from)}${item.text}${text.slice(found.to)}`
    const place = found.from + item.text.length
    setText(next)
    setChosen(-1)
    setCaret(place)
    requestAnimationFrame(() => box.current?.setSelectionRange(place, place))
  }
  const press = (event: ReactKeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0
    if (step !== 0 && items.length > 0) {
      event.preventDefault()
      setChosen((before) => (before + step + items.length) % items.length)
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0 && items.length > 0) {
      event.preventDefault()
      take(chosen)
    } else if (event.key === "Escape") {
      setOpen(false)
      box.current?.blur()
    }
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setOpen(false)
    onFilter(typedFilter(text))
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      <div className={styles.frame}>
        <input
          ref={box}
          className={styles.box}
          role="combobox"
          aria-label="Filter"
          aria-expanded={items.length > 0}
          aria-controls={list}
          aria-activedescendant={chosen >= 0 && items.length > 0 ? `${list}-${chosen}` : undefined}
          aria-invalid={fault !== null}
          placeholder="family=telit and site=north"
          value={text}
          spellCheck={false}
          autoComplete="off"
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onChange={({ target }) => {
            setText(target.value)
            setCaret(target.selectionStart ?? target.value.length)
            setChosen(-1)
            setOpen(true)
          }}
          onKeyDown={press}
        />
        <div
          id={list}
          role="listbox"
          aria-label="What may stand here"
          className={styles.list}
          hidden={items.length === 0}
        >
          {items.map(({ text: word, says }, index) => (
            <div
              key={word}
              id={`${list}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === chosen}
              className={styles.option}
              onMouseDown={(event) => {
                event.preventDefault()
                take(index)
              }}
            >
              <span className="mono">{word}</span>
              <span className="muted">{says}</span>
            </div>
          ))}
        </div>
      </div>
      <Button type="submit">Apply</Button>
      {fault === null ? null : (
        <p className={styles.fault} role="alert">
          {fault.at === null ? null : <b>Column {fault.at}: </b>}
          {fault.detail}
        </p>
      )}
    </form>
  )
}

/** What the server finds wrong; a fault at the very end is not shown while somebody still types. */
function useFault(text: string, isTyping: boolean): { readonly at: number | null; readonly detail: string } | null {
  const still = useStill(typedFilter(text))
  const { data } = useQuery({ ...groupCheck(still), enabled: still !== "" })
  if (still === "" || data === undefined || data.isUnderstood) return null
  if (isTyping && (data.at ?? 0) >= still.length) return null
  return { at: data.at, detail: data.detail ?? "It is not understood." }
}

function useFocusBySlash(box: { readonly current: HTMLInputElement | null }): void {
  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLElement && event.target.closest("input, textarea, select") !== null
      if (event.key !== "/" || isTyping) return
      event.preventDefault()
      box.current?.focus()
    }
    addEventListener("keydown", focus)
    return () => removeEventListener("keydown", focus)
  }, [box])
}
