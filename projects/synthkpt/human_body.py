# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Two-legged bodies: proportions, joint limits, limbs, head and clothing.

The body frame has its origin between the hips, +x towards the person's own
left, y down, and the person faces -z. One unit is about a metre.
"""

import math
from dataclasses import dataclass

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.figure import Figure

SIDES = (('left', 1.0), ('right', -1.0))
# Joints farther behind the middle of the trunk than this are covered by it.
BEHIND_TRUNK = 0.07

# Degrees.
LIMITS = {
    'shoulder flexion': (-50.0, 160.0),
    'shoulder abduction': (4.0, 85.0),
    'elbow': (0.0, 140.0),
    'hip flexion': (-30.0, 95.0),
    'hip abduction': (2.0, 40.0),
    'knee': (0.0, 125.0),
    'lean': (-20.0, 30.0),
    'tilt': (-15.0, 15.0),
    'head yaw': (-40.0, 40.0),
    'head pitch': (-20.0, 25.0),
}


@dataclass(frozen=True)
class Build:
    """Proportions of a body; lengths and radii in body units."""

    head: float = 0.115
    neck: float = 0.09
    torso: float = 0.48
    shoulder: float = 0.17
    hip: float = 0.095
    arm: tuple[float, float] = (0.28, 0.25)
    leg: tuple[float, float] = (0.42, 0.41)
    arm_radii: tuple[float, float, float] = (0.052, 0.043, 0.034)
    leg_radii: tuple[float, float, float] = (0.085, 0.062, 0.045)
    torso_radii: tuple[float, float] = (0.075, 0.105)
    hand: float = 0.045
    foot: float = 0.17


@dataclass(frozen=True)
class Outfit:
    """What a body wears: the material of each part, and clothing.

    Attributes:
        torso: Material of the trunk; likewise the limbs, hands, shoes and
            the head.
        sleeve: Share of the upper arm that a short sleeve covers, 0 none.
        trouser_leg: Share of the thigh that shorts cover, 0 none.
        skirt: Share of the thigh that a skirt covers, 0 none.
        hair: 'short', 'long', 'bun' or 'none'.
        hat: 'cap', 'straw' or ''.
    """

    torso: str = 'main'
    upper_arm: str = 'skin'
    forearm: str = 'skin'
    thigh: str = 'second'
    shin: str = 'second'
    hand: str = 'skin'
    shoe: str = 'dark'
    head: str = 'skin'
    sleeve: float = 0.0
    trouser_leg: float = 0.0
    skirt: float = 0.0
    hair: str = 'short'
    hat: str = ''


def vary(rng: np.random.Generator, build: Build, spread: float) -> Build:
    """The same kind of body with other proportions.

    Args:
        rng: Source of randomness.
        build: Typical proportions.
        spread: Largest relative change of a length.
    """

    def scaled(value: float | tuple[float, ...]) -> float | tuple:
        factor = 1 + rng.uniform(-spread, spread)
        if isinstance(value, tuple):
            return tuple(v * factor for v in value)
        return value * factor

    return Build(**{k: scaled(v) for k, v in vars(build).items()})


def body_yaw(rng: np.random.Generator) -> float:
    """Facing: half of the bodies to the viewer, some sideways, some away."""
    kind = rng.uniform()
    if kind < 0.55:
        return rng.uniform(-0.7, 0.7)
    if kind < 0.82:
        return rng.choice((-1.0, 1.0)) * rng.uniform(0.7, 2.3)
    return math.pi + rng.uniform(-0.7, 0.7)


def joints_of(
    rng: np.random.Generator,
    build: Build,
    activity: float,
    arms_out: bool = False,
) -> dict[str, np.ndarray]:
    """Articulate a body inside :data:`LIMITS`.

    Args:
        rng: Source of randomness.
        build: Proportions.
        activity: 0 stands at rest, 1 uses the whole range of each joint.
        arms_out: Hold the arms straight to the sides instead.

    Returns:
        Joint name to (3,) position in the body frame: for each side
        shoulder, elbow, wrist, hand, hip, knee, ankle, toe, and 'neck',
        'head' (centre of the skull), 'pelvis'.
    """
    lean = limbs.within(rng, LIMITS['lean'], activity)
    tilt = limbs.within(rng, LIMITS['tilt'], activity)
    trunk = limbs.turn(0.0, lean, tilt)
    joints = {'pelvis': np.zeros(3)}
    joints['neck'] = trunk @ (0.0, -build.torso, 0.0)
    joints['head'] = joints['neck'] + trunk @ (
        0.0,
        -build.neck - 0.75 * build.head,
        -0.02,
    )
    for side, sign in SIDES:
        shoulder = joints['neck'] + trunk @ (sign * build.shoulder, 0.04, 0.0)
        upper, lower = _arm(rng, sign, activity, arms_out)
        elbow = shoulder + build.arm[0] * upper
        wrist = elbow + build.arm[1] * lower
        joints[f'{side} shoulder'] = shoulder
        joints[f'{side} elbow'] = elbow
        joints[f'{side} wrist'] = wrist
        joints[f'{side} hand'] = wrist + 1.1 * build.hand * lower
        hip = np.array([sign * build.hip, 0.0, 0.0])
        thigh, shin = _leg(rng, sign, activity)
        knee = hip + build.leg[0] * thigh
        ankle = knee + build.leg[1] * shin
        forward = limbs.bend(shin, np.array([0.3 * sign, 0, -1.0]), 1.4)
        joints[f'{side} hip'] = hip
        joints[f'{side} knee'] = knee
        joints[f'{side} ankle'] = ankle
        joints[f'{side} toe'] = ankle + build.foot * forward
    return joints


def _arm(
    rng: np.random.Generator, sign: float, activity: float, out: bool
) -> tuple[np.ndarray, np.ndarray]:
    if out:
        raised = math.radians(90 + rng.uniform(-12, 12))
        upper = limbs.swing(0.0, sign * raised)
        return upper, limbs.bend(
            upper, np.array([0, 1.0, -0.5]), rng.uniform(0, 0.3)
        )
    flexion = limbs.within(rng, LIMITS['shoulder flexion'], activity)
    abduction = limbs.within(rng, LIMITS['shoulder abduction'], activity)
    upper = limbs.swing(flexion, sign * max(abduction, 0.12))
    towards = np.array(
        [sign * rng.uniform(-0.6, 0.3), rng.uniform(-0.8, 0.2), -1.0]
    )
    elbow = limbs.within(rng, LIMITS['elbow'], activity)
    return upper, limbs.bend(upper, towards, elbow)


def _leg(
    rng: np.random.Generator, sign: float, activity: float
) -> tuple[np.ndarray, np.ndarray]:
    flexion = limbs.within(rng, LIMITS['hip flexion'], activity * 0.8)
    abduction = limbs.within(rng, LIMITS['hip abduction'], activity)
    # A lifted thigh lets the shin hang, a thigh behind lifts the heel.
    knee = limbs.within(rng, LIMITS['knee'], activity * 0.7)
    knee = max(knee, min(flexion, math.radians(LIMITS['knee'][1])) * 0.7)
    thigh = limbs.swing(flexion, sign * abduction)
    return thigh, limbs.bend(thigh, np.array([0.0, 0.0, 1.0]), knee)


def add_body(
    figure: Figure,
    at: dict[str, np.ndarray],
    build: Build,
    outfit: Outfit,
) -> dict[str, int]:
    """Add trunk, limbs and clothing, and mark the joints.

    Args:
        figure: Receives the parts.
        at: Joints after the camera's rotation, (3,) each.
        build: Proportions.
        outfit: Materials and clothing.

    Returns:
        Handles of 'torso' and of the topmost part of each hand and foot.
    """
    high, low = build.torso_radii
    corners = [at['left shoulder'], at['right shoulder'], at['neck']]
    corners += [at['left hip'], at['right hip']]
    middle = (at['neck'][2] + at['pelvis'][2]) / 2
    torso = figure.add(
        limbs.hull_of_balls(corners, [high, high, high, low, low], 12),
        outfit.torso,
        middle,
    )
    handles = {'torso': torso}
    figure.add(
        limbs.capsule(
            at['neck'], at['head'], 0.5 * build.head, 0.45 * build.head, 6
        ),
        outfit.head,
        (at['neck'][2] + at['head'][2]) / 2 + 0.02,
        0.9,
    )
    figure.mark('neck', at['neck'], torso)
    figure.mark('pelvis', at['pelvis'], torso)
    for side, _ in SIDES:
        far = at[f'{side} shoulder'][2] - middle > BEHIND_TRUNK
        shade = 0.85 if far else 1.0
        _add_arm(figure, at, side, build, outfit, handles, shade)
        far = at[f'{side} hip'][2] - at['pelvis'][2] > BEHIND_TRUNK
        shade = 0.85 if far else 1.0
        _add_leg(figure, at, side, build, outfit, handles, shade)
    if outfit.skirt:
        _add_skirt(figure, at, build, outfit, handles)
    for side, _ in SIDES:
        _mark_root(figure, at, f'{side} shoulder', middle, handles)
        _mark_root(figure, at, f'{side} hip', at['pelvis'][2], handles)
    return handles


def _mark_root(
    figure: Figure,
    at: dict[str, np.ndarray],
    name: str,
    trunk_depth: float,
    handles: dict[str, int],
) -> None:
    """A shoulder or hip lies on the trunk unless the trunk covers it."""
    parts = [h for key, h in handles.items() if key.startswith(name)]
    if at[name][2] - trunk_depth <= BEHIND_TRUNK:
        parts.append(handles['torso'])
        parts += [handles['skirt']] if 'skirt' in handles else []
    figure.mark(name, at[name], *parts)


def _add_arm(
    figure: Figure,
    at: dict[str, np.ndarray],
    side: str,
    build: Build,
    outfit: Outfit,
    handles: dict[str, int],
    shade: float,
) -> None:
    shoulder, elbow = at[f'{side} shoulder'], at[f'{side} elbow']
    wrist, hand = at[f'{side} wrist'], at[f'{side} hand']
    r0, r1, r2 = build.arm_radii
    depth = (shoulder[2] + elbow[2]) / 2 - 0.02
    upper = figure.add(
        limbs.capsule(shoulder, elbow, r0, r1, 7),
        outfit.upper_arm,
        depth,
        shade,
    )
    handles[f'{side} shoulder'] = upper
    parts = [upper]
    if outfit.sleeve:
        end = shoulder + outfit.sleeve * (elbow - shoulder)
        handles[f'{side} shoulder sleeve'] = figure.add(
            limbs.capsule(shoulder, end, r0 * 1.15, r0 * 1.25, 7),
            outfit.torso,
            depth - 0.001,
            shade * 0.96,
        )
        parts.append(handles[f'{side} shoulder sleeve'])
    lower = figure.add(
        limbs.capsule(elbow, wrist, r1, r2, 7),
        outfit.forearm,
        (elbow[2] + wrist[2]) / 2 - 0.025,
        shade,
    )
    tip = figure.add(
        limbs.ellipse(hand, build.hand, build.hand, 0.0, 12),
        outfit.hand,
        hand[2] - 0.03,
        shade,
    )
    figure.mark(f'{side} elbow', elbow, lower, *parts)
    figure.mark(f'{side} wrist', wrist, lower, tip)
    figure.mark(f'{side} hand', hand, tip)
    handles[f'{side} hand'] = tip


def _add_leg(
    figure: Figure,
    at: dict[str, np.ndarray],
    side: str,
    build: Build,
    outfit: Outfit,
    handles: dict[str, int],
    shade: float,
) -> None:
    hip, knee = at[f'{side} hip'], at[f'{side} knee']
    ankle, toe = at[f'{side} ankle'], at[f'{side} toe']
    r0, r1, r2 = build.leg_radii
    depth = (hip[2] + knee[2]) / 2 + 0.03
    thigh = figure.add(
        limbs.capsule(hip, knee, r0, r1, 7), outfit.thigh, depth, shade
    )
    handles[f'{side} hip'] = thigh
    parts = [thigh]
    shin = figure.add(
        limbs.capsule(knee, ankle, r1, r2, 7),
        outfit.shin,
        (knee[2] + ankle[2]) / 2 + 0.03,
        shade,
    )
    if outfit.trouser_leg:
        end = hip + outfit.trouser_leg * (knee - hip)
        handles[f'{side} hip trousers'] = figure.add(
            limbs.capsule(hip, end, r0 * 1.05, r0 * 1.1, 7),
            'second',
            depth - 0.001,
            shade,
        )
        parts.append(handles[f'{side} hip trousers'])
    foot = figure.add(
        limbs.capsule(ankle, toe, r2 * 1.15, r2 * 0.85, 6),
        outfit.shoe,
        (ankle[2] + toe[2]) / 2 + 0.02,
        shade,
    )
    figure.mark(f'{side} knee', knee, shin, *parts)
    figure.mark(f'{side} ankle', ankle, shin, foot)
    figure.mark(f'{side} toe', toe, foot)
    handles[f'{side} foot'] = foot


def _add_skirt(
    figure: Figure,
    at: dict[str, np.ndarray],
    build: Build,
    outfit: Outfit,
    handles: dict[str, int],
) -> None:
    low = build.torso_radii[1]
    corners, radii, depth = [], [], at['pelvis'][2]
    for side, _ in SIDES:
        hip, knee = at[f'{side} hip'], at[f'{side} knee']
        hem = hip + outfit.skirt * (knee - hip)
        corners += [hip, hem]
        radii += [low, low * 1.25]
        depth = min(depth, (hip[2] + knee[2]) / 2 + 0.02)
    handles['skirt'] = figure.add(
        limbs.hull_of_balls(corners, radii, 12), 'second', depth, 0.95
    )
