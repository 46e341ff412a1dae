import { z } from 'zod'
import { textList } from './schemas.js'
import type { Setting } from './setting.js'

export const LABELS_SETTINGS = {
  LABEL_SETS: {
    schema: textList.transform(names => (names.join() === 'none' ? [] : names)),
    default: ['taken_time', 'taken_space'],
    expected: 'names separated by commas, or none',
    help: 'Label sets that `ingest` predicts, or `none`. Image-only models predict none.',
  },
  LABELS_DIR: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'the package’s labels/',
    expected: 'a folder of label set files',
    help: 'Folder of your own label sets. They take precedence over the package’s sets with the same names.',
  },
} as const satisfies Record<string, Setting>
