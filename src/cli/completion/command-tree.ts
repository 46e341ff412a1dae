import type { Argument, Command, Option } from 'commander'

/** What can follow the words of a command. */
export interface CompletedCommand {
  /** Words after the name of the program: `models list`; empty: none yet. */
  route: string
  /** The next word. */
  subcommands: { name: string; description: string }[]
  options: CompletedOption[]
  /** Values of its first argument, where only these are possible. */
  choices: string[]
  /** Whether a file may follow. */
  takesFiles: boolean
}

export interface CompletedOption {
  /** `--limit`, and `-k` where there is a short form. */
  flags: string[]
  description: string
  takesValue: boolean
  /** Possible values; empty: any. */
  choices: string[]
}

/** Returns every command of the program, the program itself first. */
export function commandTree(program: Command): CompletedCommand[] {
  const found: CompletedCommand[] = []
  const visit = (command: Command, route: string): void => {
    found.push(describeCommand(command, route))
    for (const each of command.commands) visit(each, `${route} ${each.name()}`.trim())
  }
  visit(program, '')
  return found
}

function describeCommand(command: Command, route: string): CompletedCommand {
  const [first] = command.registeredArguments
  return {
    route,
    subcommands: command.commands.map(each => ({ name: each.name(), description: firstSentence(each.description()) })),
    options: command.createHelp().visibleOptions(command).map(describeOption),
    choices: choicesOf(first),
    takesFiles: first !== undefined && choicesOf(first).length === 0,
  }
}

const describeOption = (option: Option): CompletedOption => ({
  flags: [option.long, option.short].filter(flag => flag !== undefined && flag !== null),
  description: firstSentence(option.description),
  takesValue: option.required || option.optional,
  choices: option.argChoices ?? [],
})

const choicesOf = (argument: Argument | undefined): string[] => argument?.argChoices ?? []

/** Menus of shells show one line. */
const firstSentence = (text: string): string => (/^.*?[.;:](?=\s|$)/s.exec(text)?.[0] ?? text).replace(/[.;:]$/, '')
