import { z } from 'zod'
import { DEFAULT_HOME } from '../default-home.js'
import type { Setting } from './setting.js'

export const FOLDERS_SETTINGS = {
  UNSPLASH_CLIP_HOME: {
    schema: z.string().min(1),
    default: DEFAULT_HOME,
    shownDefault: '~/.local/share/unsplash-clip',
    expected: 'a folder',
    help: 'Folder for the embedded database, the stored copies and the downloaded models.',
  },
} as const satisfies Record<string, Setting>
