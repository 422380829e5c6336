// A login that is not through in ten minutes is over: said a minute before, and once it is. The server decides.
const ends = document.querySelector("[data-ends]");
if (ends) {
  const [soon, over] = ends.querySelectorAll("p > span");
  const end = Date.now() + ends.dataset.ends * 1000;
  ends.setAttribute("role", "alert");
  const look = () => {
    const left = end - Date.now();
    ends.hidden = left > 60_000;
    soon.hidden = left <= 0;
    over.hidden = !soon.hidden;
  };
  look();
  setInterval(look, 1_000);
}
