/** The page's words in Korean and English, and the one place that knows which language is on. */

const STORAGE_KEY = "toonconnect.language";

const WORDS = {
  ko: {
    "app.title": "ToonConnect 이미지 스튜디오",
    "app.tagline": "내 캐릭터로 광고 컷과 굿즈 시안을 만들어요",
    "app.skip": "본문으로 건너뛰기",
    "app.language": "English",
    "app.languageLabel": "영어로 보기",
    "tab.list": "만들 그림 고르기",
    "tab.ppl": "PPL 광고 컷",
    "tab.pplHint": "캐릭터 + 제품",
    "tab.goods": "굿즈 시안",
    "tab.goodsHint": "캐릭터 + 상품",
    "image.input_image_1": "캐릭터 이미지",
    "image.input_image_2": "제품 이미지",
    "image.input_image": "캐릭터 이미지",
    "image.drop": "끌어다 놓거나 눌러서 고르기",
    "image.formats": "PNG · JPEG · WebP, 5 MB 이하",
    "image.remove": "{name} 지우기",
    "image.preview": "{name} 미리보기",
    "image.reading": "이미지를 읽는 중…",
    "image.compressed": "올리기 전에 줄였어요: {before} → {after} ({width}×{height})",
    "image.small": "이미지가 작아요. 짧은 변이 512px 이상이면 캐릭터를 더 잘 알아봅니다.",
    "image.busy": "배경이 복잡해 보여요. 단색 배경이면 더 자연스럽게 나옵니다.",
    "image.unsupported": "PNG, JPEG, WebP 이미지만 쓸 수 있어요.",
    "image.unreadable": "이미지를 읽을 수 없어요. 다른 파일을 골라 주세요.",
    "image.tooLarge": "5 MB 이하로 줄이지 못했어요. 더 작은 이미지를 골라 주세요.",
    "image.required": "이미지를 넣어 주세요.",
    "sample.use": "샘플로 해 보기",
    "sample.error": "샘플을 불러오지 못했어요. 잠시 뒤 다시 눌러 주세요.",
    "sample.ppl.0": "편의점 앞에서 캐릭터가 복숭아톡 캔을 들고 환하게 웃는 여름 광고 컷",
    "sample.ppl.1": "햇살이 드는 욕실 거울 앞에서 캐릭터가 세럼을 자랑하는 산뜻한 화장품 광고 컷",
    "sample.goods.0": "가슴에 캐릭터 얼굴을 크게, 따뜻한 파스텔 색감",
    "sample.goods.1": "캐릭터 상반신을 가운데에, 민트색 배경",
    "prompt.label": "프롬프트",
    "prompt.optional": "선택",
    "prompt.placeholder.ppl": "예: 카페 창가에서 캐릭터가 제품을 들고 웃는 장면",
    "prompt.placeholder.goods": "예: 캐릭터 얼굴을 크게, 파스텔 색감으로",
    "prompt.required": "어떤 그림을 원하는지 적어 주세요.",
    "prompt.requiredGoods": "상품을 고르거나 프롬프트를 적어 주세요.",
    "prompt.translate": "영어로 번역",
    "prompt.translating": "번역 중…",
    "prompt.original": "원문으로",
    "prompt.translated": "영어로 바꿨어요.",
    "prompt.translateFailed": "지금은 번역할 수 없어요. 그대로 보내도 되지만, 짧은 영어 문장이 결과가 더 좋습니다.",
    "prompt.count": "{count} / {max}자",
    "preset.label": "상품",
    "preset.none": "직접 쓰기",
    "preset.loading": "상품 목록을 불러오는 중이에요. 프롬프트만으로도 만들 수 있어요.",
    "option.aspect_ratio": "화면 비율",
    "option.match_input_image": "원본",
    "option.matchLabel": "원본 이미지와 같게",
    "option.n": "몇 장",
    "option.count": "{n}장",
    "option.more": "세부 옵션",
    "option.model": "모델",
    "option.modelDefault": "기본",
    "option.modelSeconds": "보통 {seconds}초",
    "option.modelPrice": "한 장에 약 {price}",
    "option.modelHelp": "기본 모델을 쓸 수 없을 때는 다음 모델로 바꿔서 그려요. 다른 모델을 고르면 그 모델로만 그려요.",
    "option.output_format": "파일 형식",
    "option.safety_tolerance": "안전 기준",
    "option.safety.0": "0 · 가장 엄격",
    "option.safety.1": "1 · 보통",
    "option.safety.2": "2 · 너그러움",
    "option.seed": "시드",
    "option.seedRandom": "무작위",
    "option.seedFixed": "고정",
    "option.seedValue": "고정할 시드 값",
    "option.seedInvalid": "0에서 4294967295 사이의 정수를 적어 주세요.",
    "option.seedHelp": "같은 시드와 같은 입력이면 비슷한 그림이 나와요.",
    "form.submit": "이미지 만들기",
    "form.sending": "보내는 중…",
    "form.expected": "보통 {seconds}초쯤 걸려요",
    "panel.title": "결과",
    "panel.emptyTitle": "여기에 그림이 나타나요",
    "panel.empty": "이미지를 넣고 원하는 장면을 적은 뒤 ‘이미지 만들기’를 눌러 주세요. 처음이라면 샘플로 먼저 해 보세요.",
    "panel.close": "닫기",
    "stage.sending": "이미지를 보내는 중이에요",
    "stage.queued": "작업을 준비하는 중이에요",
    "stage.validating": "이미지를 확인하는 중이에요",
    "stage.translating": "프롬프트를 영어로 옮기는 중이에요",
    "stage.waiting": "차례를 기다리는 중이에요",
    "stage.waitingAt": "차례를 기다리는 중이에요 · 대기 {position}번째",
    "stage.submitting": "그림을 요청하는 중이에요",
    "stage.generating": "그림을 그리는 중이에요",
    "stage.storing": "그림을 저장하는 중이에요",
    "stage.running": "작업을 진행하는 중이에요",
    "stage.canceling": "취소하는 중이에요",
    "stage.succeeded": "완성됐어요",
    "stage.failed": "만들지 못했어요",
    "stage.canceled": "취소했어요",
    "stage.gone": "보관 기간이 지났거나 지워진 작업이에요",
    "step.validating": "확인",
    "step.translating": "번역",
    "step.waiting": "대기",
    "step.submitting": "요청",
    "step.generating": "그리기",
    "step.storing": "저장",
    "step.list": "진행 단계",
    "progress.label": "진행률",
    "progress.elapsed": "{time} 지남",
    "progress.took": "{time} 걸림",
    "progress.eta": "약 {time} 남음",
    "time.seconds": "{s}초",
    "time.minutes": "{m}분 {s}초",
    "connection.lost": "연결이 끊겼어요. 다시 연결 중… 작업은 서버에서 계속되고 있어요.",
    "connection.sending": "연결이 끊겼어요. 다시 연결 중… 같은 요청이 두 번 처리되지는 않아요.",
    "job.cancel": "취소",
    "job.cancelFailed": "취소하지 못했어요. 잠시 뒤 다시 눌러 주세요.",
    "job.delete": "삭제",
    "job.deleteConfirm": "정말 삭제할까요?",
    "job.deleteFailed": "삭제하지 못했어요. 잠시 뒤 다시 눌러 주세요.",
    "job.reuse": "이 설정 불러오기",
    "job.reused": "설정을 불러왔어요. 이미지를 다시 넣어 주세요.",
    "job.download": "내려받기",
    "job.downloading": "받는 중…",
    "job.downloadFallback": "새 창에서 열었어요. 그림을 길게 누르거나 오른쪽 클릭해 저장해 주세요.",
    "job.useSeed": "이 시드 쓰기",
    "job.seedUsed": "시드 {seed}을(를) 넣었어요.",
    "job.sentPrompt": "보낸 프롬프트",
    "job.alt": "만들어진 그림 {index}: {prompt}",
    "job.imageBroken": "그림을 불러오지 못했어요. 연결을 확인하고 다시 열어 주세요.",
    "job.seed": "시드 {seed}",
    "job.model": "모델: {model}",
    "job.fallback": "{from} 모델을 쓸 수 없어서 {to} 모델로 바꿨어요.",
    "job.fallbackOfSeveral": "{from} 모델을 쓸 수 없어서 그림의 일부나 전부를 {to} 모델로 바꿨어요.",
    "job.fallbackOfSome": "그림마다 쓴 모델이 다를 수 있어요. 쓸 수 없는 모델이 있어서 일부를 다른 모델로 바꿨어요.",
    "job.kindGone": "지금은 이런 그림을 만들 수 없어요.",
    "error.code": "오류 코드",
    "error.jobId": "작업 번호",
    "error.requestId": "요청 번호",
    "error.charged.yes": "이 요청은 요금이 청구되었어요.",
    "error.charged.no": "요금은 청구되지 않았어요.",
    "error.charged.unknown": "요금이 청구되었는지 아직 알 수 없어요. 다시 시도하기 전에 관리자에게 확인해 주세요.",
    "error.retry": "다시 시도",
    "error.http.title": "서버가 요청을 처리하지 못했어요",
    "error.http.detail": "서버가 알 수 없는 답({status})을 보냈어요. 잠시 뒤 다시 시도해 주세요.",
    "error.network.title": "서버에 연결할 수 없어요",
    "error.network.detail": "인터넷 연결을 확인하고 다시 시도해 주세요. 입력한 내용은 그대로 남아 있어요.",
    "error.fields": "표시된 항목을 고쳐 주세요.",
    "advice.content_moderated": "민감한 표현이나 노출이 있는 이미지를 바꾸거나, 장면을 더 부드럽게 적어 보세요.",
    "advice.image_too_large": "5 MB 이하의 이미지로 바꿔 주세요.",
    "advice.missing_api_key": "사용자가 고칠 수 없는 설정 문제예요. 오류 코드와 요청 번호를 관리자에게 알려 주세요.",
    "advice.provider_auth_failed": "사용자가 고칠 수 없는 설정 문제예요. 오류 코드와 요청 번호를 관리자에게 알려 주세요.",
    "advice.provider_quota_exhausted": "사용 한도 문제예요. 오류 코드를 관리자에게 알려 주세요.",
    "advice.generation_timeout": "더 작은 이미지와 짧은 프롬프트로 다시 해 보세요.",
    "advice.too_many_active_jobs": "진행 중인 작업이 끝난 뒤 다시 시도해 주세요.",
    "backend.title": "서버에 연결할 수 없어요",
    "backend.detail": "인터넷 연결을 확인해 주세요. 자동으로 다시 연결하고 있어요. 계속되면 관리자에게 이 주소를 알려 주세요: {address}",
    "backend.slow": "서버의 답이 늦어지고 있어요. 기본 옵션으로 먼저 만들 수 있어요.",
    "backend.retry": "지금 다시 연결",
    "history.title": "내 작업",
    "history.empty": "만든 그림이 여기에 모여요. 이 브라우저에만 기억됩니다.",
    "history.more": "더 보기",
    "history.open": "{kind}, {status}: {prompt}",
    "history.noPrompt": "프롬프트 없음",
    "kind.ppl": "PPL",
    "kind.goods": "굿즈",
    "status.queued": "준비 중",
    "status.processing": "진행 중",
    "status.succeeded": "완성",
    "status.failed": "실패",
    "status.canceled": "취소됨",
    "status.gone": "만료됨",
    "footer.note": "그림은 AI가 만들어요. 내려받은 뒤 공개 전에 꼭 확인해 주세요.",
    "noscript": "이 페이지를 쓰려면 JavaScript를 켜 주세요.",
  },
  en: {
    "app.title": "ToonConnect image studio",
    "app.tagline": "Ad scenes and merchandise mock-ups from your own characters",
    "app.skip": "Skip to content",
    "app.language": "한국어",
    "app.languageLabel": "Switch to Korean",
    "tab.list": "What to make",
    "tab.ppl": "PPL scene",
    "tab.pplHint": "Character + product",
    "tab.goods": "Goods mock-up",
    "tab.goodsHint": "Character + item",
    "image.input_image_1": "Character image",
    "image.input_image_2": "Product image",
    "image.input_image": "Character image",
    "image.drop": "Drop a file or click to choose",
    "image.formats": "PNG · JPEG · WebP, up to 5 MB",
    "image.remove": "Remove {name}",
    "image.preview": "Preview of {name}",
    "image.reading": "Reading the image…",
    "image.compressed": "Made smaller before upload: {before} → {after} ({width}×{height})",
    "image.small": "This image is small. With a shorter side of 512 px or more the character is recognised better.",
    "image.busy": "The background looks busy. A plain background gives a more natural result.",
    "image.unsupported": "Only PNG, JPEG and WebP images can be used.",
    "image.unreadable": "The image cannot be read. Please choose another file.",
    "image.tooLarge": "It could not be brought under 5 MB. Please choose a smaller image.",
    "image.required": "Please add an image.",
    "sample.use": "Try a sample",
    "sample.error": "The sample could not be loaded. Please try again in a moment.",
    "sample.ppl.0": "A summer ad in front of a convenience store: the character smiles brightly, holding the peach soda can",
    "sample.ppl.1": "A fresh cosmetics ad: the character shows the serum in front of a sunny bathroom mirror",
    "sample.goods.0": "The character's face large on the front, warm pastel colours",
    "sample.goods.1": "The character's upper body in the centre, mint background",
    "prompt.label": "Prompt",
    "prompt.optional": "optional",
    "prompt.placeholder.ppl": "e.g. The character smiles by a café window, holding the product",
    "prompt.placeholder.goods": "e.g. The character's face large, in pastel colours",
    "prompt.required": "Please describe the picture you want.",
    "prompt.requiredGoods": "Please choose an item or write a prompt.",
    "prompt.translate": "Translate to English",
    "prompt.translating": "Translating…",
    "prompt.original": "Back to the original",
    "prompt.translated": "Translated to English.",
    "prompt.translateFailed": "Translation is not available now. You can send it as it is; short English sentences work best.",
    "prompt.count": "{count} / {max}",
    "preset.label": "Item",
    "preset.none": "Write my own",
    "preset.loading": "The list of items is loading. A prompt alone works too.",
    "option.aspect_ratio": "Aspect ratio",
    "option.match_input_image": "Original",
    "option.matchLabel": "Same as the input image",
    "option.n": "How many",
    "option.count": "{n}",
    "option.more": "More options",
    "option.model": "Model",
    "option.modelDefault": "Default",
    "option.modelSeconds": "Usually {seconds} s",
    "option.modelPrice": "about {price} a picture",
    "option.modelHelp": "When the default is not available, the next model takes over. If you choose another model, only that one is used.",
    "option.output_format": "File format",
    "option.safety_tolerance": "Safety tolerance",
    "option.safety.0": "0 · strictest",
    "option.safety.1": "1 · medium",
    "option.safety.2": "2 · most lenient",
    "option.seed": "Seed",
    "option.seedRandom": "Random",
    "option.seedFixed": "Fixed",
    "option.seedValue": "Seed value",
    "option.seedInvalid": "Please enter a whole number from 0 to 4294967295.",
    "option.seedHelp": "The same seed with the same input gives a similar picture.",
    "form.submit": "Make the image",
    "form.sending": "Sending…",
    "form.expected": "Usually takes about {seconds} seconds",
    "panel.title": "Result",
    "panel.emptyTitle": "Your picture will appear here",
    "panel.empty": "Add your images, describe the scene and press ‘Make the image’. New here? Try a sample first.",
    "panel.close": "Close",
    "stage.sending": "Sending your images",
    "stage.queued": "Getting ready",
    "stage.validating": "Checking the images",
    "stage.translating": "Translating the prompt",
    "stage.waiting": "Waiting for a free slot",
    "stage.waitingAt": "Waiting for a free slot · number {position} in the queue",
    "stage.submitting": "Asking for the picture",
    "stage.generating": "Drawing the picture",
    "stage.storing": "Saving the picture",
    "stage.running": "Working on it",
    "stage.canceling": "Cancelling",
    "stage.succeeded": "Your picture is ready",
    "stage.failed": "It could not be made",
    "stage.canceled": "Canceled",
    "stage.gone": "This job has expired or was deleted",
    "step.validating": "Check",
    "step.translating": "Translate",
    "step.waiting": "Queue",
    "step.submitting": "Request",
    "step.generating": "Draw",
    "step.storing": "Save",
    "step.list": "Steps",
    "progress.label": "Progress",
    "progress.elapsed": "{time} elapsed",
    "progress.took": "Took {time}",
    "progress.eta": "about {time} left",
    "time.seconds": "{s} s",
    "time.minutes": "{m} min {s} s",
    "connection.lost": "The connection was lost. Reconnecting… your job goes on at the server.",
    "connection.sending": "The connection was lost. Reconnecting… the same request is never processed twice.",
    "job.cancel": "Cancel",
    "job.cancelFailed": "It could not be canceled. Please try again in a moment.",
    "job.delete": "Delete",
    "job.deleteConfirm": "Really delete?",
    "job.deleteFailed": "It could not be deleted. Please try again in a moment.",
    "job.reuse": "Use these settings",
    "job.reused": "The settings are back. Please add the images again.",
    "job.download": "Download",
    "job.downloading": "Downloading…",
    "job.downloadFallback": "Opened in a new window. Long-press or right-click the picture to save it.",
    "job.useSeed": "Use this seed",
    "job.seedUsed": "Seed {seed} is set.",
    "job.sentPrompt": "Prompt as sent",
    "job.alt": "Generated picture {index}: {prompt}",
    "job.imageBroken": "The picture could not be loaded. Check your connection and open it again.",
    "job.seed": "Seed {seed}",
    "job.model": "Model: {model}",
    "job.fallback": "{from} was not available, so this was switched to {to}.",
    "job.fallbackOfSeveral": "{from} was not available, so some or all of the pictures were switched to {to}.",
    "job.fallbackOfSome": "The pictures may be by different models: one was not available, so some were switched to another.",
    "job.kindGone": "Pictures of this kind cannot be made at the moment.",
    "error.code": "Error code",
    "error.jobId": "Job id",
    "error.requestId": "Request id",
    "error.charged.yes": "This request was charged.",
    "error.charged.no": "You were not charged.",
    "error.charged.unknown": "It is not yet known whether this was charged. Please ask the operator before trying again.",
    "error.retry": "Try again",
    "error.http.title": "The server could not handle the request",
    "error.http.detail": "The server gave an unexpected answer ({status}). Please try again in a moment.",
    "error.network.title": "The server cannot be reached",
    "error.network.detail": "Please check your internet connection and try again. What you entered is still here.",
    "error.fields": "Please correct the marked fields.",
    "advice.content_moderated": "Replace sensitive words or revealing images, or describe the scene more gently.",
    "advice.image_too_large": "Please use an image of at most 5 MB.",
    "advice.missing_api_key": "This is a settings problem you cannot fix here. Please give the code and request id to the operator.",
    "advice.provider_auth_failed": "This is a settings problem you cannot fix here. Please give the code and request id to the operator.",
    "advice.provider_quota_exhausted": "A usage limit was reached. Please give the code to the operator.",
    "advice.generation_timeout": "Try again with smaller images and a shorter prompt.",
    "advice.too_many_active_jobs": "Please try again when your running jobs have finished.",
    "backend.title": "The server cannot be reached",
    "backend.detail": "Please check your internet connection. The page keeps trying by itself. If this goes on, tell the operator this address: {address}",
    "backend.slow": "The server is slow to answer. You can start with the basic options.",
    "backend.retry": "Reconnect now",
    "history.title": "My jobs",
    "history.empty": "Your pictures gather here. They are remembered in this browser only.",
    "history.more": "Show more",
    "history.open": "{kind}, {status}: {prompt}",
    "history.noPrompt": "No prompt",
    "kind.ppl": "PPL",
    "kind.goods": "Goods",
    "status.queued": "Getting ready",
    "status.processing": "Running",
    "status.succeeded": "Ready",
    "status.failed": "Failed",
    "status.canceled": "Canceled",
    "status.gone": "Expired",
    "footer.note": "Pictures are made by AI. Please check them before you publish.",
    "noscript": "Please turn on JavaScript to use this page.",
  },
};

let language = initialLanguage();
const listeners = new Set();

function initialLanguage() {
  try {
    const saved = localStorage.getItem(STORAGE_KEY);
    if (saved in WORDS) return saved;
  } catch {
    // Storage may be blocked; the browser's own language still decides.
  }
  return navigator.language?.toLowerCase().startsWith("en") ? "en" : "ko";
}

/** @returns {"ko"|"en"} the language that is on. */
export function currentLanguage() {
  return language;
}

/** Turns a language on, remembers it and tells every listener. */
export function setLanguage(next) {
  language = next in WORDS ? next : "ko";
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // Not remembered, still switched.
  }
  for (const listener of listeners) listener(language);
}

/** Calls `listener` after every change of language. */
export function onLanguageChange(listener) {
  listeners.add(listener);
}

/** @returns {string} the words for `key`, `{name}` places filled from `values`; an unknown key comes back as it is. */
export function t(key, values = {}) {
  const words = WORDS[language][key] ?? WORDS.ko[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** @returns {boolean} whether there are words for `key`. */
export function hasWords(key) {
  return key in WORDS.ko;
}

/** @returns {string} the words for one of a group's ids, such as a kind; the id itself when there are none. */
export function nameOf(group, id) {
  const key = `${group}.${id}`;
  return hasWords(key) ? t(key) : id;
}

/**
 * Fills every element under `root` that carries `data-i18n="key"` (its text) or `data-i18n-attr="attribute:key;..."`.
 */
export function translate(root) {
  const own = root instanceof Element && root.matches("[data-i18n], [data-i18n-attr]") ? [root] : [];
  for (const element of [...own, ...root.querySelectorAll("[data-i18n], [data-i18n-attr]")]) {
    if (element.dataset.i18n) element.textContent = t(element.dataset.i18n);
    for (const pair of (element.dataset.i18nAttr ?? "").split(";").filter(Boolean)) {
      const [attribute, key] = pair.split(":");
      element.setAttribute(attribute, t(key));
    }
  }
}

/** @returns {string} a length of time in words, whole seconds. */
export function formatDuration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return t("time.seconds", { s: seconds });
  return t("time.minutes", { m: Math.floor(seconds / 60), s: seconds % 60 });
}

/** @returns {string} a file size in KB or MB. */
export function formatBytes(bytes) {
  if (bytes >= 1024 * 1024) return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  return `${Math.max(1, Math.round(bytes / 1024))} KB`;
}

/** @returns {string} a price in US dollars, to a tenth of a cent where it has one. */
export function formatDollars(amount) {
  const style = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 2, maximumFractionDigits: 3 };
  return new Intl.NumberFormat(language, style).format(amount);
}
