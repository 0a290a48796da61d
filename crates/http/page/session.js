// Who looks: signing in and out.

import { $, setHidden, setText } from "./dom.js";
import { ApiError, get, post } from "./api.js";

// What may be done here, or null where a token is asked for first.
export async function session() {
  try {
    return await get("/api/v1/session");
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

// Asks for the token until one is right.
export function signIn() {
  const form = $("login-form");
  setHidden($("login"), false);
  $("token").focus();
  return new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      setText($("login-why"), "");
      try {
        await post("/login", { token: $("token").value });
        $("token").value = "";
        setHidden($("login"), true);
        resolve();
      } catch (error) {
        setText($("login-why"), error instanceof ApiError ? `${sentence(error.message)}.` : "It failed.");
        $("token").select();
      } finally {
        button.disabled = false;
      }
    };
  });
}

export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
