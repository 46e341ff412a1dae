import type { CompletedCommand, CompletedOption } from './command-tree.js'
import { routesOf } from './shell-words.js'

/** Returns the completion of fish. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  return `# Completion of unsplash-clip for fish. Place: ~/.config/fish/completions/unsplash-clip.fish
function __unsplash_clip_route
    set -l route
    set -l words (commandline -opc)
    for word in $words[2..-1]
        set -l next (string join ' ' $route $word)
        if contains -- $next ${routesOf(commands).map(quoteFish).join(' ')}
            set route $next
        end
    end
    echo "$route"
end
function __unsplash_clip_at
    test (__unsplash_clip_route) = "$argv[1]"
end
complete -c unsplash-clip -e
${commands.flatMap(linesOf).join('\n')}
`
}

function linesOf({ route, subcommands, options, choices, takesFiles }: CompletedCommand): string[] {
  const start = `complete -c unsplash-clip -n ${quoteFish(`__unsplash_clip_at ${quoteFish(route)}`)}`
  return [
    ...(takesFiles ? [] : [`${start} -f`]),
    ...subcommands.map(({ name, description }) => `${start} -a ${name} -d ${quoteFish(description)}`),
    ...(choices.length > 0 ? [`${start} -a ${quoteFish(choices.join(' '))}`] : []),
    ...options.map(option => `${start} ${flagsOf(option)} -d ${quoteFish(option.description)}`),
  ]
}

function flagsOf({ flags, takesValue, choices }: CompletedOption): string {
  const names = flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  const value = choices.length > 0 ? [`-xa ${quoteFish(choices.join(' '))}`] : takesValue ? ['-rF'] : []
  return [...names, ...value].join(' ')
}

const quoteFish = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
