import type { Command } from 'commander'
import { VERSION } from '../../version.js'

/** The words `help` and `version`, for those who expect them beside --help and --version. */
export function addHelpCommand(program: Command): void {
  program
    .command('help')
    .description('Show the help of a command.')
    .argument('[command...]', 'words of the command (default: list all commands)')
    .addHelpText('after', '\nExamples:\n  unsplash-clip help search\n  unsplash-clip help models pull')
    .action((words: string[]) => {
      let command = program
      for (const word of words) {
        const next = command.commands.find(each => each.name() === word || each.aliases().includes(word))
        if (next === undefined) {
          const known = command.commands.map(each => each.name()).join(', ') || 'none'
          program.error(`error: ${[command.name(), 'has no command', word].join(' ')}; its commands: ${known}`)
        }
        command = next
      }
      command.outputHelp()
    })
  program
    .command('version')
    .description('Print the version.')
    .addHelpText('after', '\nExamples:\n  unsplash-clip version\n  unsplash-clip --version')
    .action(() => {
      process.stdout.write(`${VERSION}\n`)
    })
}
