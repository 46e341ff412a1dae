import type { Command } from 'commander'
import { addClassifyCommand } from './classify-command.js'

/** The `analyze` command: what the stored vectors say about the collection. */
export function addAnalyzeCommand(program: Command): void {
  const analyze = program
    .command('analyze')
    .description('Analyse the stored vectors: how well they tell a column.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip analyze classify exif_iso:200,1000
  unsplash-clip analyze classify taken_time --html classes.html`,
    )
  for (const add of [addClassifyCommand]) add(analyze)
}
