import type { Command } from 'commander'
import { addClassifyCommand } from './classify-command.js'
import { addClusterCommand } from './cluster-command.js'
import { addProjectCommand } from './project-command.js'

/** The `analyze` command: what the stored vectors say about the collection. */
export function addAnalyzeCommand(program: Command): void {
  const analyze = program
    .command('analyze')
    .description('Analyse the stored vectors: how well they tell a column, clusters of photos, and maps of them.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip analyze classify exif_iso:200,1000
  unsplash-clip analyze cluster --k 2..10
  unsplash-clip analyze project`,
    )
  for (const add of [addClassifyCommand, addClusterCommand, addProjectCommand]) add(analyze)
}
