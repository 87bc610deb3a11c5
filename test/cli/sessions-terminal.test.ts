/** The scripted sessions on a terminal of 80 × 24. */
import { playSessions } from "./play.js";

describe("sessions", () => playSessions("terminal"));
