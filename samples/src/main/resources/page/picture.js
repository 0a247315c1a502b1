// A picture given by hand: dropped, pasted or chosen; and its preview.

import { byId } from "./dom.js";

const SIDE = 112;

/** Calls back with each picture the user gives, and how many came at once. */
export function takePictures(onPicture) {
  const zone = byId("drop");
  const input = byId("file");
  const take = (files) => {
    if (files.length > 0) onPicture(files[0], files.length);
  };

  input.addEventListener("change", () => {
    take([...input.files]);
    // The same file may be chosen again, after it changed say.
    input.value = "";
  });

  // A file dropped beside the zone must not replace the page, so the whole page takes it.
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  const over = (value) => {
    depth = Math.max(0, value);
    zone.classList.toggle("is-over", depth > 0);
  };
  addEventListener("dragenter", (event) => carriesFiles(event) && over(depth + 1));
  addEventListener("dragleave", (event) => carriesFiles(event) && over(depth - 1));
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(0);
    take([...event.dataTransfer.files]);
  });

  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  });
}

/** Draws a picture into the preview; its width and height in pixels, or null where the browser cannot read it. */
export async function preview(file) {
  const canvas = byId("preview");
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null;
  }
  const { width, height } = bitmap;
  const pixels = SIDE * Math.min(3, Math.max(1, devicePixelRatio));
  // Whole pixels where the picture is small: the user sees what the network sees.
  const scale = Math.min(pixels / width, pixels / height);
  const whole = scale > 1 ? Math.max(1, Math.floor(scale)) : scale;
  canvas.width = Math.max(1, Math.round(width * whole));
  canvas.height = Math.max(1, Math.round(height * whole));
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = whole < 1;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return { width, height };
}
