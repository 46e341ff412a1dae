import type { CompletedCommand } from './command-tree.js'
import { quoteWord, routesOf, valuesOf } from './shell-words.js'

/** Returns the completion of bash. Files are completed where no word is known. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const words = commands.map(({ route, subcommands, options, choices }) => {
    const candidates = [...subcommands.map(({ name }) => name), ...choices, ...options.flatMap(({ flags }) => flags)]
    return `    ${quoteWord(route)}) words=${quoteWord(candidates.join(' '))} ;;`
  })
  return `# Completion of unsplash-clip for bash. Load it with: source FILE
_unsplash_clip() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} route='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${route:+$route }\${COMP_WORDS[i]}" in
      ${routesOf(commands).map(quoteWord).join(' | ')}) route="\${route:+$route }\${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$route $previous" in
${valuesOf(commands)
  .map(
    ({ where, choices }) => `    ${where.map(quoteWord).join(' | ')})
      COMPREPLY=($(compgen -W ${quoteWord(choices.join(' '))} -- "$current"))
      return ;;`,
  )
  .join('\n')}
  esac
  case "$route" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _unsplash_clip unsplash-clip
`
}
