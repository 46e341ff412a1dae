-- Where a list of hits ends: photos show what words say if they are so much more similar to the words than to reference texts that
-- few other texts are. How far texts reach above it is measured on the collection, whenever its photos have been compared.

alter table reference_sets add column cut real;
comment on column reference_sets.cut is
  'A photo shows what words say if its similarity to them is at least this much above its top_mean: three standard deviations above the mean of that difference over the pairs of a photo and a reference text of a sample. Null: not measured yet.';

alter table reference_texts add column share real check (share between 0 and 1);
comment on column reference_texts.share is
  'Share of a sample of the photos that show what the text says. Null: not measured yet.';
