import { Argument, type Command } from 'commander'
import type { CompletedCommand } from '../completion/command-tree.js'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('Print the completion of commands and options for a shell.')
    .addArgument(new Argument('<shell>', 'shell to complete in').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  source <(unsplash-clip completion bash)       in ~/.bashrc, for each new shell
  source <(unsplash-clip completion zsh)        in ~/.zshrc, after compinit
  unsplash-clip completion fish | source        in ~/.config/fish/config.fish

The shell completes the word unsplash-clip. Where you type "npx unsplash-clip", define it first:
  alias unsplash-clip="npx unsplash-clip"`,
    )
    .action(async (shell: Shell) => {
      const { commandTree } = await import('../completion/command-tree.js')
      const print = await printerOf(shell)
      process.stdout.write(print(commandTree(program)))
    })
}

async function printerOf(shell: Shell): Promise<(commands: readonly CompletedCommand[]) => string> {
  switch (shell) {
    case 'bash':
      return (await import('../completion/bash.js')).bashCompletion
    case 'zsh':
      return (await import('../completion/zsh.js')).zshCompletion
    case 'fish':
      return (await import('../completion/fish.js')).fishCompletion
  }
}
