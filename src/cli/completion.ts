import { Argument, Command } from "commander"
import { printLines } from "./output.ts"

interface Word {
  readonly path: readonly string[]
  readonly words: readonly string[]
}

/** Every command with the words that may follow it: its subcommands and its options. */
export function completionWords(program: Command, path: readonly string[] = []): readonly Word[] {
  const options = program.options.map(({ long }) => long).filter((long) => typeof long === "string")
  const words = [...program.commands.map((command) => command.name()), ...options, "--help"]
  return [{ path, words }, ...program.commands.flatMap((one) => completionWords(one, [...path, one.name()]))]
}

const shells: Readonly<Record<string, (all: readonly Word[]) => string>> = { bash, zsh, fish }

/** `waft completion SHELL`: what the shell loads to complete commands and options. */
export function completionCommand(program: () => Promise<Command>): Command {
  return new Command("completion")
    .description("print what a shell loads to complete waft's commands and options")
    .addArgument(new Argument("<SHELL>", "the shell").choices(Object.keys(shells)))
    .addHelpText(
      "after",
      "\nbash: source <(waft completion bash)\nzsh:  source <(waft completion zsh)\nfish: waft completion fish | source",
    )
    .action(async (shell: string) => {
      const script = shells[shell]?.(completionWords(await program())) ?? ""
      printLines(...script.split("\n"))
    })
}

/** The words typed so far that are commands, then the list that belongs to them. */
function cases(all: readonly Word[]): string {
  return all.map(({ path, words }) => `    "${path.join(" ")}") words="${words.join(" ")}" ;;`).join("\n")
}

function bash(all: readonly Word[]): string {
  return `_waft() {
  local path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || case " ${commandNames(all)} " in *" $word "*) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases(all)}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _waft waft`
}

function zsh(all: readonly Word[]): string {
  return `#compdef waft
autoload -Uz compinit bashcompinit
(( $+functions[compdef] )) || compinit
bashcompinit
${bash(all)}`
}

function fish(all: readonly Word[]): string {
  const lines = all.flatMap(({ path, words }) => {
    const condition = path.length === 0 ? "__fish_use_subcommand" : `__waft_at ${path.join(" ")}`
    return words.map((word) =>
      word.startsWith("--")
        ? `complete -c waft -n '${condition}' -l ${word.slice(2)}`
        : `complete -c waft -n '${condition}' -f -a ${word}`,
    )
  })
  return [
    "function __waft_at",
    "  set -l words (commandline -opc | string match -v -- '-*')",
    "  test (count $words) -gt (count $argv); or return 1",
    '  test "$words[2..'.concat("(math (count $argv) + 1)]", '" = "$argv"'),
    "end",
    ...lines,
  ].join("\n")
}

function commandNames(all: readonly Word[]): string {
  return [...new Set(all.flatMap(({ path }) => path))].join(" ")
}
