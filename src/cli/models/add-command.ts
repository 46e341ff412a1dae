import type { Command } from 'commander'
import { type CommonOptions, runCommand } from '../context.js'
import { memorySize } from '../options/arguments.js'
import type { AddModelOptions } from './add-model.js'

/** `models add` and `models remove`. */
export function addAddCommands(models: Command): void {
  models
    .command('add')
    .description('Add a model of the hub, a folder or a bucket: derive its model.json, pin its files, test it.')
    .argument('<source>', 'hf:owner/name, hf:owner/name@revision, a folder, or s3://bucket/prefix')
    .option('--name <name>', 'name of the model here (default: that of the source)')
    .option('--precision <name>', 'the files to take: fp32, fp16, int8, q4, … (default: the most exact ones)')
    .option('--vision <path>', 'the file of the image tower, where names do not tell')
    .option('--text <path>', 'the file of the text tower; the same path for a file with both')
    .option('--images-only', 'leave out the text tower')
    .option('--fields <file>', 'JSON with fields of model.json that count before derived ones')
    .option('--max-size <size>', 'most to fetch, for example 2GB (default: 10GB)', memorySize)
    .option('--update', 'replace a model of this name that has another revision or source')
    .option('--no-verify', 'leave out the test with rendered pictures')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models add hf:Xenova/siglip-base-patch16-224
  unsplash-clip models add hf:onnx-community/dinov2-base@main --precision fp16 --name dinov2
  unsplash-clip models add ./my-export --fields fields.json

Reads config.json, preprocessor_config.json (or those of open_clip and timm), the tokenizer and the inputs and outputs of
the ONNX files. The digest of each file is pinned in models.lock.json (setting MODELS_LOCK); share that file, and other
machines fetch the same files, or refuse them. Pickled weights are never read. Private repositories: HF_TOKEN.
At the end it says what the test confirmed and what not. Then: unsplash-clip ingest --model NAME
Exit codes: 0 added, 1 failed or refused, 2 wrong usage.`,
    )
    .action(async (source: string, options: CommonOptions & AddModelOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { addModel } = await import('./add-model.js')
        return addModel(context, source, options)
      })
    })
  models
    .command('remove')
    .description('Remove a model that "models add" added, with its files.')
    .argument('<name>', 'name without precision')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models remove siglip-base-patch16-224

Takes the model out of models.lock.json and deletes the files that this program fetched or made; other files stay.
Refused while the database has embeddings of the model: drop them first with "models retire".
Exit codes: 0 removed, 1 failed or refused, 2 an unknown model or wrong usage.`,
    )
    .action(async (name: string, options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { removeModel } = await import('./remove-model.js')
        return removeModel(context, name)
      })
    })
}
