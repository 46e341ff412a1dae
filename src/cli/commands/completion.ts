import { realpathSync } from 'node:fs'
import { Argument, type Command } from 'commander'
import type { CompletedCommand } from '../completion/command-tree.js'
import { shellWord } from '../print/shell-word.js'

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
  unsplash-clip completion bash > ~/.unsplash-clip.bash
  unsplash-clip completion zsh > ~/.unsplash-clip.zsh
  unsplash-clip completion fish > ~/.config/fish/completions/unsplash-clip.fish

Then load the file in each new shell: "source ~/.unsplash-clip.bash" in ~/.bashrc, or "source ~/.unsplash-clip.zsh"
in ~/.zshrc, after compinit. fish does so by itself. Write it again when the program has changed.

The shell completes the word unsplash-clip. npx finds the program in the folder of the clone only; this works in every
folder, typed or in the same file:
  ${aliasLine()}`,
    )
    .action(async (shell: Shell) => {
      const { commandTree } = await import('../completion/command-tree.js')
      const print = await printerOf(shell)
      process.stdout.write(print(commandTree(program)))
    })
}

/** The program, wherever the shell is: `npx` would look for a package of that name elsewhere. */
function aliasLine(): string {
  return `alias unsplash-clip=${shellWord(`node ${shellWord(realpathSync(process.argv[1]!))}`)}`
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
