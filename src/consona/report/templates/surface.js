"use strict";
// Draws the surface in the page's own canvas, triangle by triangle with a depth per pixel: nothing is loaded.
const canvas = document.querySelector("canvas"), sheet = canvas.getContext("2d");
const bytes = (id) => Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0));
const place = new Int16Array(bytes("places").buffer), corner = new Uint16Array(bytes("triangles").buffer);
const ink = bytes("inks"), size = canvas.width, half = size / 2, scale = half / 11500;
const n = place.length / 3, shown = new Float32Array(3 * n), image = sheet.createImageData(size, size);
const depth = new Float32Array(size * size);
const views = { left: [90, 0], right: [-90, 0], behind: [0, 0], front: [180, 0], above: [0, 90], below: [0, -90] };
let [turn, tilt] = views[canvas.dataset.view];

function turned() {
  const [a, b] = [turn, tilt].map((each) => (each * Math.PI) / 180);
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
  for (let i = 0; i < 3 * n; i += 3) {
    // Seen from behind: x to the right, z up, -y towards the eye; then turned about z, and tilted about x.
    const x = place[i] * ca - place[i + 1] * sa, y = place[i] * sa + place[i + 1] * ca, z = place[i + 2];
    shown[i] = half + scale * x;
    shown[i + 1] = half - scale * (z * cb + y * sb);
    shown[i + 2] = scale * (z * sb - y * cb);
  }
}

function fill(a, b, c) {
  const ax = shown[a], ay = shown[a + 1], bx = shown[b] - ax, by = shown[b + 1] - ay;
  const cx = shown[c] - ax, cy = shown[c + 1] - ay, area = bx * cy - by * cx;
  if (area >= 0) return; // seen from inside
  const bz = shown[b + 2] - shown[a + 2], cz = shown[c + 2] - shown[a + 2];
  const nx = by * cz - bz * cy, ny = bz * cx - bx * cz;
  const light = 0.62 + 0.38 * (-area / Math.hypot(nx, ny, area));
  const left = Math.max(0, Math.ceil(ax + Math.min(0, bx, cx))), right = Math.min(size - 1, ax + Math.max(0, bx, cx));
  const top = Math.max(0, Math.ceil(ay + Math.min(0, by, cy))), low = Math.min(size - 1, ay + Math.max(0, by, cy));
  for (let y = top; y <= low; y++)
    for (let x = left; x <= right; x++) {
      const v = ((x - ax) * cy - (y - ay) * cx) / area, w = (bx * (y - ay) - by * (x - ax)) / area, u = 1 - v - w;
      if (u < -1e-3 || v < -1e-3 || w < -1e-3) continue;
      const z = shown[a + 2] + v * bz + w * cz, k = y * size + x;
      if (z <= depth[k]) continue;
      depth[k] = z;
      for (let j = 0; j < 3; j++) image.data[4 * k + j] = light * (u * ink[a + j] + v * ink[b + j] + w * ink[c + j]);
      image.data[4 * k + 3] = 255;
    }
}

function draw() {
  turned();
  depth.fill(-1e9);
  image.data.fill(0);
  for (let i = 0; i < corner.length; i += 3) fill(3 * corner[i], 3 * corner[i + 1], 3 * corner[i + 2]);
  sheet.putImageData(image, 0, 0);
}

function move(right, up) {
  turn += right;
  tilt = Math.max(-90, Math.min(90, tilt + up));
  requestAnimationFrame(draw);
}

canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
canvas.addEventListener("pointermove", (event) => event.buttons && move(event.movementX / 2, event.movementY / 2));
canvas.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[event.key];
  if (!step) return;
  event.preventDefault();
  move(...step);
});
for (const button of document.querySelectorAll("button"))
  button.addEventListener("click", () => { [turn, tilt] = views[button.value]; draw(); });
draw();
