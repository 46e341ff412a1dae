import type { Command } from 'commander'
import { type CommonOptions, runCommand } from '../context.js'
import { collect, wholeNumber } from '../options/arguments.js'
import type { ImportCommandOptions } from './run-import.js'

interface Options extends Omit<ImportCommandOptions, 'inputs'>, Pick<CommonOptions, 'json'> {
  labelSet?: string[]
}

export function addImportCommand(program: Command): void {
  program
    .command('import')
    .description('Take vectors that were made elsewhere: of a known model, or of one that has only vectors.')
    .argument(
      '<inputs...>',
      'vectors.npy with --ids, .parquet, .csv or .jsonl with a column of vectors, a .tar of WebDataset, a folder of these, or an output folder of clip-retrieval',
    )
    .requiredOption('--model <name>', 'the model that made the vectors (see `models list`), or a name for a new one')
    .option('--dimension <n>', 'with a new model: numbers per vector', wholeNumber(1, 16_000))
    .option('--ids <file>', 'of an .npy file: the photo id of each row, one per line, or an .npy file of texts')
    .option(
      '--id-column <name>',
      'column with the photo ids (default: photo_id; else the id that `ingest` derives from the URL; else id, key or image_path)',
    )
    .option(
      '--vector-column <name>',
      'column with the vectors (default: embedding, vector or a similar name), or the name of numbered columns without the number',
    )
    .option(
      '--label-set <name>',
      'label set to predict, or none; repeatable (default: the setting LABEL_SETS)',
      collect,
    )
    .option('--dry-run', 'read and check the input without writing anything')
    .option('--bad-rows <file>', 'write every bad row with its line number to this file, one JSON object per line')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip import vectors.npy --ids ids.txt --model clip-vit-b-32@fp32
  unsplash-clip import vectors.parquet --model clip-vit-b-32@fp32 --id-column key
  unsplash-clip import ./clip-retrieval-output --model clip-vit-b-32@fp32
  unsplash-clip import features.csv --model efficientnet-b4 --dimension 1792

Only the direction of a vector counts: vectors that are not of unit length are scaled. Repeating an import changes nothing;
one that was stopped continues. Photos may be unknown: a later \`ingest\` of the same ids adds what it knows of them.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some rows were bad, 130 stopped by Ctrl-C.`,
    )
    .action(async (inputs: string[], options: Options) => {
      const overrides = { LABEL_SETS: options.labelSet?.join(',') }
      process.exitCode = await runCommand(options, overrides, async context => {
        const { runImport } = await import('./run-import.js')
        return runImport(context, { ...options, inputs })
      })
    })
}
