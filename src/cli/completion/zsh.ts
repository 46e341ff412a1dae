import type { CompletedCommand } from './command-tree.js'
import { quoteWord, routesOf, valuesOf } from './shell-words.js'

/** Returns the completion of zsh. Files are completed where an argument or the value of an option may be one. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ route, subcommands, options, choices, takesFiles }) => {
    const words = [
      ...subcommands.map(({ name, description }) => described(name, description)),
      ...choices.map(choice => described(choice, '')),
    ]
    const flags = options.flatMap(option => option.flags.map(flag => described(flag, option.description)))
    return `    ${quoteWord(route)})
      candidates=(${words.map(quoteWord).join(' ')})
      flags=(${flags.map(quoteWord).join(' ')})
      files=${takesFiles ? 1 : 0} ;;`
  })
  return `#compdef unsplash-clip
# Completion of unsplash-clip for zsh. Load it after compinit with: source FILE
_unsplash_clip() {
  local route='' next
  local -a candidates flags
  integer i files=0
  for ((i = 2; i < CURRENT; i++)); do
    next="\${route:+$route }\${words[i]}"
    case "$next" in
      ${routesOf(commands).map(quoteWord).join(' | ')}) route=$next ;;
    esac
  done
  case "$route \${words[CURRENT - 1]}" in
${valuesOf(commands)
  .map(
    ({ where, choices }) => `    ${where.map(quoteWord).join(' | ')})
      ${choices.length > 0 ? `compadd -- ${choices.map(quoteWord).join(' ')}` : '_files'}
      return ;;`,
  )
  .join('\n')}
  esac
  case "$route" in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option flags
    return
  fi
  (( $#candidates )) && _describe command candidates
  (( files )) && _files
}
compdef _unsplash_clip unsplash-clip
`
}

/** A colon separates a word from its description. */
const described = (word: string, description: string): string =>
  description === '' ? word : `${word.replaceAll(':', '\\:')}:${description}`
